/**
 * Writes the code that V8 compiles from the bundle, for bin/load.js. It runs as a separate process, with the flags of
 * the command. V8 compiles a function on its first call, so this runs the usual commands; more would make the code
 * larger, which delays every start.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { bundle, codeFile, script, source } = createRequire(import.meta.url)('../bin/load.js');
const directory = mkdtempSync(join(tmpdir(), 'code-'));
const output = { isTTY: false, write: async () => {} };
const io = {
  env: { ES_PATH_CONF: directory },
  cwd: directory,
  toolPath: directory,
  interrupted: new AbortController().signal,
  stdin: ['AAEAAWVsYXN0aWMva2liYW5hL2E6YWJjZGVmZ2hpamtsbW5vcA'],
  stdout: output,
  stderr: output,
};
try {
  for (const line of ['create elastic/kibana a', 'list', 'verify', 'delete elastic/kibana a']) {
    await bundle.main(line.split(' '), io);
  }
  writeFileSync(codeFile, Buffer.concat([source, script.createCachedData()]));
} finally {
  rmSync(directory, { recursive: true });
}
