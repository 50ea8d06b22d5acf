'use strict';
/* hdr-histogram-js reads the log of a run: its counts are those of the run's JSON, bucket by
 * bucket, and its percentiles those the run printed. hlog_js_test.js SERVER LOADGEN NODE_MODULES;
 * exits 77 where the package is not installed. */
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawn, spawnSync } = require('child_process');

const [server, loadgen, modules] = process.argv.slice(2);
const home = path.join(modules, 'hdr-histogram-js');
if (!fs.existsSync(home) || process.env.CI) {
  console.log(process.env.CI ? 'skipped: in CI' : `skipped: no ${home}; npm install hdr-histogram-js there`);
  process.exit(77);
}
const hdr = require(home);


/* All lines without a tag added up, and the names of the tags of the others. */
function read(text) {
  const reader = new hdr.HistogramLogReader(text);
  const sum = hdr.build({ bitBucketSize: 64, autoResize: true, numberOfSignificantValueDigits: 2 });
  const tags = new Set();
  let lines = 0;
  for (let line; (line = reader.nextIntervalHistogram()) !== null; lines++) {
    if (line.tag === 'NO TAG') sum.add(line);
    else tags.add(line.tag);
  }
  return { sum, tags: [...tags], lines };
}

function buckets(histogram) {
  const iterator = histogram.recordedValuesIterator;
  const list = [];
  iterator.reset();
  while (iterator.hasNext()) {
    const at = iterator.next();
    list.push([histogram.lowestEquivalentValue(at.valueIteratedTo), at.countAddedInThisIterationStep]);
  }
  return list;
}

function check(run, text) {
  const { sum, tags, lines } = read(text);
  const ours = run.latency_ns.response;

  assert.deepStrictEqual(tags, ['api.services.status']);
  assert.ok(lines >= 2 && lines % 2 === 0, `${lines} lines`);
  assert.strictEqual(ours.count, 1200);
  assert.strictEqual(sum.totalCount, ours.count);
  assert.deepStrictEqual(buckets(sum), ours.histogram);
  for (const [percent, value] of [[50, ours.p50], [90, ours.p90], [99, ours.p99], [99.9, ours.p99_9]])
    assert.strictEqual(sum.lowestEquivalentValue(sum.getValueAtPercentile(percent)),
      sum.lowestEquivalentValue(value), `p${percent}`);
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'evd-hlog-'));
const file = (name) => path.join(folder, name);
const process_ = spawn(server, ['--listen', `unix://${file('s')}`], { stdio: ['ignore', 'pipe', 'ignore'] });
process_.stdout.once('data', () => { /* it says where it listens */
  try {
    const done = spawnSync(loadgen, ['run', '--target', `unix://${file('s')}`, '--scenario', 'services', '--rate', '1000',
      '--warmup', '100ms', '--duration', '1200ms', '--quiet', '--json', file('json'), '--hlog', file('hlog')],
    { encoding: 'utf8' });
    assert.strictEqual(done.status, 0, done.stderr);
    check(JSON.parse(fs.readFileSync(file('json'))), fs.readFileSync(file('hlog'), 'utf8'));
    console.log('ok');
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    process_.kill();
  }
});
process_.on('error', (error) => { console.error(error); process.exitCode = 1; });
process_.on('exit', () => fs.rmSync(folder, { recursive: true }));
