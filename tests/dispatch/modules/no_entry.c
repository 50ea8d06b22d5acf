/* A shared object, and no module. */
int evd_test_not_a_module(void);

int evd_test_not_a_module(void)
{
    return 7;
}
