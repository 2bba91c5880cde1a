import { describe, expect, test } from '@jest/globals';
import { FairQueue } from '../../src/authenticate/fair-queue.js';

/** `closed` resolves when `open` is called. */
function gate() {
  let open = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, closed };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('no more jobs run at a time than the width', async () => {
  const queue = new FairQueue(2, 100);
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, () =>
      queue.run('lane', async () => {
        most = Math.max(most, ++running);
        await turn();
        running--;
      }),
    ),
  );
  expect(most).toBe(2);
});

test('lanes are served in turn, so that a flood in one delays another by a single job', async () => {
  const queue = new FairQueue(1, 100);
  const { open, closed } = gate();
  const order: string[] = [];
  const work = (lane: string, name: string) => queue.run(lane, async () => void order.push(name));
  const first = queue.run('flood', () => closed);
  const all = [
    first,
    ...Array.from({ length: 5 }, (_, i) => work('flood', `flood ${i}`)),
    work('right', 'right'),
    work('other', 'other'),
  ];
  open();
  await Promise.all(all);
  expect(order).toEqual(['flood 0', 'right', 'other', 'flood 1', 'flood 2', 'flood 3', 'flood 4']);
});

test('a full lane refuses one of its jobs when another is added', async () => {
  const queue = new FairQueue(1, 3);
  const { open, closed } = gate();
  const first = queue.run('lane', () => closed);
  const waiting = Array.from({ length: 4 }, () => queue.run('lane', async () => 'done'));
  const elsewhere = queue.run('elsewhere', async () => 'done');
  open();
  const results = await Promise.allSettled([...waiting, elsewhere]);
  await first;
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
  expect(results.find((result) => result.status === 'rejected')).toMatchObject({ reason: { code: 'BUSY' } });
  expect(results[4]).toMatchObject({ status: 'fulfilled' });
});

describe('a job that fails', () => {
  test('rejects its promise, and passes its slot on to the next', async () => {
    const queue = new FairQueue(1, 10);
    const failing = queue.run('lane', () => Promise.reject(new Error('no')));
    const next = queue.run('lane', async () => 'done');
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('done');
    await expect(queue.run('lane', async () => 'again')).resolves.toBe('again');
  });
});
