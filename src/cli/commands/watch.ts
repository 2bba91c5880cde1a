import { EventEmitter, on } from 'node:events';
import { FileFollower, type Reload } from '../../authenticate/file-follower.js';
import { requireName } from '../../disk/caller-descriptor.js';
import { attempt } from '../../disk/file-errors.js';
import { ifExists } from '../../disk/file-system.js';
import type { ServiceTokensError } from '../../errors.js';
import { escapeControls, hideTokens, isUnread } from '../terminal.js';
import { refuseArguments } from './arguments.js';
import type { Command } from './command.js';
import { changeLines } from './diff.js';
import { openServerPaths } from './server-paths.js';

export const watch: Command = async (invocation) => {
  const { args, options, io, terminal, fs } = invocation;
  refuseArguments(args);
  const { tokensFile, reader, inTokensDir } = await openServerPaths(invocation, 'read');
  requireName(tokensFile);
  await inTokensDir(async () => {}); // refuses an untrusted symlink
  const { interrupted } = io; // from here on a signal is the normal end
  const reloads = new EventEmitter<{ reload: [Reload] }>();
  let follower: FileFollower | undefined;
  try {
    const changes = on(reloads, 'reload', { signal: interrupted }) as AsyncIterable<[Reload]>;
    const onReload = (reload: Reload) => void reloads.emit('reload', reload);
    follower = await FileFollower.open(tokensFile, { fs, reader, onReload });
    let { error } = follower;
    if (error === undefined) await printLoaded([...follower.entries.keys()].sort());
    else await printFailed(error, [], 'the server would not start');
    for await (const [reload] of changes) {
      const hasRecovered = error !== undefined;
      error = reload.error;
      if (error === undefined) await printChanged(reload, hasRecovered);
      else await printFailed(error, reload.removed, 'the server would drop every file token');
    }
  } catch (error) {
    // Only poll(2), which Node does not offer, could detect that a pipe has lost its reader; the next write detects it.
    // The end of a socket is not a reliable sign: systemd closes this side of the socket to its journal.
    if (!interrupted.aborted && !isUnread(error)) throw error;
  } finally {
    await follower?.close();
  }

  function printLoaded(tokens: readonly string[]): Promise<void> {
    const found = attempt(fs, 'could not read', tokensFile, () => ifExists(() => fs.statSync(tokensFile)));
    const lines = [`loaded ${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}`, ...tokens];
    if (found !== undefined) return print({ event: 'loaded', tokens }, lines);
    return print({ event: 'loaded', tokens, exists: false }, [...lines, 'the file does not exist']);
  }

  function printChanged({ added, removed, changed }: Reload, recovered: boolean): Promise<void> {
    const event = { event: 'changed', added, removed, changed, ...(recovered && { recovered }) };
    const lines = changeLines(event);
    return print(event, recovered ? ['the server can read the file again', ...lines] : lines);
  }

  function printFailed(error: ServiceTokensError, removed: readonly string[], effect: string): Promise<void> {
    const reason = hideTokens(error.message);
    const hint = error.code === 'PERMISSION' ? error.hint : undefined; // other hints say what the effect is
    const lines = [`${effect}: ${reason}`, ...(hint === undefined ? [] : [hint])];
    return print({ event: 'failed', reason, hint, removed }, lines);
  }

  /** Prints an event as lines, or as JSON: its fields keep their names and meanings, and more may be added. */
  async function print(event: object, lines: readonly string[]): Promise<void> {
    const time = new Date().toISOString();
    if (options.json) return terminal.answerJson({ time, ...event });
    await terminal.answer(lines.map((line) => `${time} ${escapeControls(line)}\n`).join(''));
  }
};
