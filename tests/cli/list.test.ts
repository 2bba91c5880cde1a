/** A long list with a slow reader. */
import { expect, test } from '@jest/globals';
import { systemError } from '../support/faulty-file-system.js';
import { runHere } from '../support/memory-io.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();

/** Lists 20,000 tokens to a reader that accepts or refuses each piece. */
async function listTo(write: (text: string | Uint8Array) => Promise<void>) {
  const names = Array.from({ length: 20_000 }, (_, i) => `elastic/kibana/${i}`);
  const file = directory.write('tokens', names.map((name) => `${name}:{SHA}x\n`).join(''));
  const { status, stderr } = await runHere(['list', '--file', file], { stdout: { isTTY: false, write } });
  return { status, stderr, all: `${names.sort().join('\n')}\n` };
}

test('list waits for a slow reader after every piece, and pieces are small, so that memory does not grow', async () => {
  const pieces: string[] = [];
  let [unread, mostUnread] = [0, 0];
  const { status, stderr, all } = await listTo(async (text) => {
    pieces.push(String(text));
    mostUnread = Math.max(mostUnread, ++unread);
    await new Promise(setImmediate);
    unread--;
  });
  expect({ status, stderr, mostUnread }).toEqual({ status: 0, stderr: '', mostUnread: 1 });
  expect(pieces.join('')).toBe(all);
  expect(pieces.length).toBeGreaterThan(4);
  expect(Math.max(...pieces.map((text) => text.length))).toBeLessThanOrEqual(64 * 1024);
});

test('list stops if the reader has gone, as in list | head', async () => {
  let pieces = 0;
  const { status, stderr } = await listTo(async () => {
    if (++pieces === 2) throw systemError('EPIPE', 'write');
  });
  expect({ status, stderr, pieces }).toEqual({ status: 0, stderr: '', pieces: 2 });
});
