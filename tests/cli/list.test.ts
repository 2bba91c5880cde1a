/** A long list with a slow reader. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { main } from '../../src/cli/main.js';
import { systemError } from '../support/faulty-file-system.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();

/** Lists 20,000 tokens to a reader that accepts or refuses each piece. */
async function listTo(read: (text: string) => Promise<void>) {
  const dir = directory.mkdir('long');
  const names = Array.from({ length: 20_000 }, (_, i) => `elastic/kibana/${i}`);
  writeFileSync(join(dir, 'service_tokens'), names.map((name) => `${name}:{SHA}x\n`).join(''));
  const errors: string[] = [];
  const status = await main(['list'], {
    env: { ES_PATH_CONF: dir },
    cwd: dir,
    toolPath: join(dir, 'tool'),
    stdin: (async function* () {})(),
    stdout: { isTTY: false, write: read },
    stderr: { isTTY: false, write: async (text) => void errors.push(String(text)) },
    interrupted: new AbortController().signal,
  });
  return { status, errors: errors.join(''), all: `${names.sort().join('\n')}\n` };
}

test('list waits for a slow reader after every piece, and pieces are small, so that memory does not grow', async () => {
  const pieces: string[] = [];
  let [unread, mostUnread] = [0, 0];
  const { status, errors, all } = await listTo(async (text) => {
    pieces.push(text);
    mostUnread = Math.max(mostUnread, ++unread);
    await new Promise(setImmediate);
    unread--;
  });
  expect({ status, errors, mostUnread }).toEqual({ status: 0, errors: '', mostUnread: 1 });
  expect(pieces.join('')).toBe(all);
  expect(pieces.length).toBeGreaterThan(4);
  expect(Math.max(...pieces.map((text) => text.length))).toBeLessThanOrEqual(64 * 1024);
});

test('list stops if the reader has gone, as in list | head', async () => {
  let pieces = 0;
  const { status, errors } = await listTo(async () => {
    if (++pieces === 2) throw systemError('EPIPE', 'write');
  });
  expect({ status, errors, pieces }).toEqual({ status: 0, errors: '', pieces: 2 });
});
