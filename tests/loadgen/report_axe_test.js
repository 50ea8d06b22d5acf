// An accessibility checker looks at reports: axe-core in headless Chromium, dark at the width of a
// desktop, light at that of a phone. It must find nothing. Skipped (77) where Chromium,
// playwright-core or axe-core (npm) are missing, and in CI; they are never fetched.
//
//   node report_axe_test.js MODULES [--shots DIR] REPORT.html...
//
// --shots DIR looks at all four, and keeps a picture of each page as it is seen.
'use strict';
const fs = require('fs');
const path = require('path');

const SKIPPED = 77;
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const WIDTHS = { desktop: 1280, phone: 390 };

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(SKIPPED);
}

function find(modules) {
  const program = CHROMIUM.find((file) => fs.existsSync(file));
  if (process.env.CI) skip('in CI');
  if (!program) skip('there is no Chromium');
  for (const name of ['playwright-core', 'axe-core'])
    if (!fs.existsSync(path.join(modules, name))) skip(`${modules} has no ${name}`);
  return {
    program,
    chromium: require(path.resolve(modules, 'playwright-core')).chromium,
    axe: fs.readFileSync(path.join(modules, 'axe-core', 'axe.min.js'), 'utf8'),
  };
}

// What is wrong with one page as it stands; every <details> is open, so that nothing is hidden.
async function check(page, axe) {
  const problems = [];
  await page.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = true)));
  const spills = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (spills > 0) problems.push(`the page is ${spills} px wider than the window`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  for (const violation of violations)
    problems.push(`${violation.id}: ${violation.help}; ${violation.nodes.length} times, first ` +
      `${violation.nodes[0].target.join(' ')}: ${violation.nodes[0].failureSummary}`);
  return problems;
}

async function main(modules, shots, files) {
  const { program, chromium, axe } = find(modules);
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  let wrong = 0, pages = 0;
  for (const file of files) {
    if (fs.statSync(file).size >= 1 << 20) {
      console.log(`${file}: 1 MB or more`);
      wrong++;
    }
    for (const [name, width] of Object.entries(WIDTHS)) {
      for (const colorScheme of ['light', 'dark']) {
        // Widths do not change colours: without pictures, each is looked at once.
        if (!shots && (name === 'desktop') === (colorScheme === 'light')) continue;
        const context = await browser.newContext(
          { viewport: { width, height: 900 }, colorScheme, offline: true, bypassCSP: true });
        const page = await context.newPage();
        const asked = [];
        page.on('request', (request) => asked.push(request.url()));
        await page.goto(`file://${path.resolve(file)}`);
        if (shots) {
          const stem = path.basename(path.dirname(path.resolve(file)));
          await page.screenshot(
            { path: path.join(shots, `${stem}-${name}-${colorScheme}.png`), fullPage: true });
        }
        const problems = await check(page, axe);
        if (asked.length !== 1) problems.push(`it asks for other files: ${asked.slice(1)}`);
        for (const problem of problems) console.log(`${file}, ${name}, ${colorScheme}: ${problem}`);
        wrong += problems.length;
        pages++;
        await context.close();
      }
    }
  }
  await browser.close();
  console.log(`${pages} pages, ${wrong} problems`);
  process.exit(wrong === 0 && pages > 0 ? 0 : 1);
}

const args = process.argv.slice(2);
const modules = args.shift();
const shots = args[0] === '--shots' ? args.splice(0, 2)[1] : null;
if (!modules || args.length === 0) {
  console.error('usage: node report_axe_test.js MODULES [--shots DIR] REPORT.html...');
  process.exit(2);
}
main(modules, shots, args).catch((error) => {
  console.error(error);
  process.exit(1);
});
