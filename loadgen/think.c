#include "think.h"

#include "conn_slots.h"

void lg_think_next(struct lg_conn *conn, uint32_t request, uint64_t now_ns)
{
    const struct lg_request *requests = conn->worker->plan->scenario->requests;
    uint32_t next = requests[request].next;

    conn->step = next;
    if (next != 0)
        conn->step_due_ns = now_ns + requests[next].think_ns;
}

/* A step that falls due after the end of the run is none. */
static void send_step(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;
    uint32_t request = conn->step;

    conn->step = 0;
    if (conn->step_due_ns >= lg_end_of(worker))
        return;
    worker->accounts[lg_window_of(worker, conn->step_due_ns)].scheduled++;
    lg_conn_send(conn, request, conn->step_due_ns);
    lg_conn_flush(conn);
}

static void swap(struct lg_thought *a, struct lg_thought *b)
{
    struct lg_thought kept = *a;

    *a = *b;
    *b = kept;
}

static void push(struct lg_worker *worker, struct lg_thought thought)
{
    struct lg_thought *heap = worker->thoughts;
    unsigned at = worker->thought_count++;

    heap[at] = thought;
    for (; at > 0 && heap[(at - 1) / 2].due_ns > heap[at].due_ns; at = (at - 1) / 2)
        swap(&heap[at], &heap[(at - 1) / 2]);
}

static struct lg_thought pop(struct lg_worker *worker)
{
    struct lg_thought *heap = worker->thoughts, first = heap[0];
    unsigned count = --worker->thought_count, at = 0;

    heap[0] = heap[count];
    for (;;) {
        unsigned least = at, child = 2 * at + 1;

        for (unsigned i = child; i < child + 2 && i < count; i++)
            least = heap[i].due_ns < heap[least].due_ns ? i : least;
        if (least == at)
            return first;
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

void lg_think_begin(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;

    if (worker->plan->scenario->requests[conn->step].think_ns == 0) {
        send_step(conn);
        return;
    }
    conn->thinking = true;
    push(worker, (struct lg_thought){conn->step_due_ns, conn->index});
}

/* A connection that was lost while it thought takes a new sequence only when it would have been
 * done: so each is in the heap once at most. */
void lg_think_due(struct lg_worker *worker, uint64_t now_ns)
{
    while (worker->thought_count > 0 && worker->thoughts[0].due_ns <= now_ns) {
        struct lg_conn *conn = &worker->conns[pop(worker).conn];

        conn->thinking = false;
        if (conn->state != LG_CONN_UP)
            continue;
        if (conn->step != 0)
            send_step(conn);
        else if (has_room(conn))
            slots_freed(conn, now_ns);
        if (conn->state == LG_CONN_UP && worker->plan->options->closed)
            lg_conn_fill(conn, now_ns);
    }
}

uint64_t lg_think_first(const struct lg_worker *worker)
{
    return worker->thought_count > 0 ? worker->thoughts[0].due_ns : UINT64_MAX;
}
