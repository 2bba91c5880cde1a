import { expect, test } from '@jest/globals';
import { nextTurn, turnsUntil } from '../../src/authenticate/turns.js';
import { TurnCounter } from '../support/turns.js';

test('each turn of the event loop serves one waiter, in order', async () => {
  const counter = new TurnCounter();
  const served: { name: number; turn: number }[] = [];
  await Promise.all(
    [1, 2, 3, 4].map((name) => nextTurn().then(() => served.push({ name, turn: counter.turns }))),
  );
  counter.stop();
  expect(served.map(({ name }) => name)).toEqual([1, 2, 3, 4]);
  expect(new Set(served.map(({ turn }) => turn)).size).toBe(4);
});

test('a task that waits again goes to the end of the queue', async () => {
  const order: string[] = [];
  const work = async (name: string) => {
    for (let slice = 0; slice < 2; slice++) {
      await nextTurn();
      order.push(`${name}${slice}`);
    }
  };
  await Promise.all([work('a'), work('b')]);
  expect(order).toEqual(['a0', 'b0', 'a1', 'b1']);
});

test('a pause with a signal throws the reason once it is aborted', async () => {
  const controller = new AbortController();
  const pause = turnsUntil(controller.signal);
  await pause();
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(pause()).rejects.toBe(reason);
});
