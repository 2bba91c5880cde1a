/**
 * The process that runs the commands under attack, one at a time, in process:
 *
 *     node victim.js UID GID[,GROUP...]
 *
 * Its parent sends a Request for each and gets a Reply. Between two synchronous calls of the command, the process sends
 * the order to the attacker through a pipe, which works in any directory and under any identity.
 */
import { readSync, writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import timers from 'node:timers/promises';
import { watchedFileSystem } from '../support/faulty-file-system.js';
import { memoryIo } from '../support/memory-io.js';
import { ANSWERS_FD, type Call, ORDERS_FD, type Order, type Reply, type Request } from './protocol.js';

const [, , uid = '', groups = ''] = process.argv;

skipWaiting();
const { main } = await import('../../src/cli/main.js');
becomeVictim();

process.on('message', async (request: Request) => process.send?.(await perform(request)));
process.send?.('ready');

async function perform({ argv, stdin, attack }: Request): Promise<Reply> {
  const calls: Call[] = [];
  let answer: string | undefined;
  const before = (_: number, name: string, args: readonly unknown[]) => {
    const number = calls.length;
    calls.push({ name, paths: args.filter((arg) => typeof arg === 'string') });
    if (number === attack?.call) answer = tell(attack.order);
    if (attack?.isBlink && number === attack.call + 1 && answer === 'done') tell(['back']);
  };
  const { fs } = watchedFileSystem({ before });
  const { io, written } = memoryIo({ stdin });
  const status = await main(argv, io, fs);
  const heard = attack ? Buffer.from(tell(['collect']).slice('done '.length), 'hex').toString() : '';
  return { status, ...written, calls, answer, heard };
}

function tell(order: Order): string {
  writeSync(ORDERS_FD, `${order.join('\t')}\n`);
  const bytes = Buffer.alloc(4096);
  let answer = '';
  while (!answer.endsWith('\n')) answer += bytes.toString('utf8', 0, readSync(ANSWERS_FD, bytes));
  return answer.trimEnd();
}

/** Skips the ten seconds of a waiter: it would wait in vain. */
function skipWaiting(): void {
  let skipped = 0;
  const now = performance.now.bind(performance);
  performance.now = () => now() + skipped;
  timers.setTimeout = async <T>(milliseconds = 0, value?: T) => {
    skipped += milliseconds;
    return timers.setImmediate(value as T);
  };
  syncBuiltinESMExports();
}

function becomeVictim(): void {
  const [gid = 0, ...more] = groups.split(',').map(Number);
  if (Number(uid) === 0) return;
  process.setgroups?.([gid, ...more]);
  process.setgid?.(gid);
  process.setuid?.(Number(uid));
}
