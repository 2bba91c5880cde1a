/** A token that its reader does not read: real processes, a full pipe and a stopped terminal. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { BIN } from '../support/commands.js';
import { testWith } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();

function fullPipe(): number {
  const path = join(directory.path, 'pipe');
  spawnSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  for (const size of [4096, 1]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size));
    } catch {
      // EAGAIN: not even this many bytes fit any more.
    }
  }
  return fd;
}

test.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a command whose reader does not read, and there is no token', async (signal, status) => {
  const conf = directory.mkdir('config');
  const pipe = fullPipe();
  const args = ['create', 'elastic/kibana/a', '--config-dir', conf];
  const tool = spawn(BIN, args, { stdio: ['ignore', pipe, 'pipe'] });
  let stderr = '';
  tool.stderr?.on('data', (text) => {
    stderr += text;
  });
  const end = new Promise((resolve) => tool.on('close', resolve));
  while (!existsSync(join(conf, 'service_tokens'))) await sleep(5);
  tool.kill(signal);
  expect(await end).toBe(status);
  closeSync(pipe);
  expect(stderr).toBe(`ERROR: interrupted by ${signal}, nothing has changed, with exit code ${status}\n`);
  expect(readdirSync(conf)).toEqual([]);
});

const PROGRAM = `
import os, pty, signal, subprocess, sys, time
tool, conf = sys.argv[1:]
master, terminal = pty.openpty()
os.write(master, b'\\x13') # Ctrl-S
process = subprocess.Popen([tool, 'create', 'elastic/kibana/a', '--config-dir', conf], stdin=terminal, stdout=terminal, stderr=subprocess.PIPE)
while not os.path.exists(conf + '/service_tokens'): time.sleep(0.005)
process.send_signal(signal.SIGTERM)
print(process.wait(), os.listdir(conf))
`;

testWith(['python3'])('SIGTERM ends a command on a stopped terminal', () => {
  const args = ['-c', PROGRAM, BIN, directory.mkdir('config')];
  const { stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8', timeout: 50_000 });
  expect({ stdout, stderr }).toEqual({ stdout: '143 []\n', stderr: '' });
});
