/**
 * Writes the code that V8 compiles from the command's files, beside these files, for bin/load.js. It runs as a separate
 * process, with the flags of the command. V8 compiles a function on its first call, so this runs the usual commands.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { load, scripts } = createRequire(import.meta.url)('../bin/load.js');
const { main, processIo } = load('./cli.js');
const directory = mkdtempSync(join(tmpdir(), 'code-'));
const output = { isTTY: false, fault: undefined, write: async () => {} };
processIo();
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
  for (const line of [
    'create elastic/kibana a',
    'list',
    'verify',
    'inspect',
    'check',
    'delete elastic/kibana a',
    'ensure elastic/kibana b --token-file token',
    'rotate elastic/kibana b',
    'accounts',
    'help',
    'help create',
    'list --none',
  ]) {
    await main(line.split(' '), io);
  }
  for (const [file, script] of scripts)
    writeFileSync(`${file}.${process.arch}.code`, script.createCachedData());
} finally {
  rmSync(directory, { recursive: true });
}
