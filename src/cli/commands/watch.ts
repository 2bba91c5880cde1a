import { EventEmitter, on } from 'node:events';
import { FileFollower, type Reload } from '../../authenticate/file-follower.js';
import { requireName } from '../../disk/caller-descriptor.js';
import { errnoOf, ifExists } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { escapeControls, toJson } from '../terminal.js';
import { refuseArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { openPlace } from './place.js';

/** A line of `--json`, without its time. Fields may be added; the names and meanings of these are stable. */
type Report =
  | { readonly event: 'loaded'; readonly tokens: readonly string[]; readonly exists?: false }
  | ({ readonly event: 'changed'; readonly recovered?: true } & Omit<Reload, 'error'>)
  | { readonly event: 'failed'; readonly reason: string; readonly removed: readonly string[] };

/** The options of `watch`. */
interface WatchOptions {
  readonly json?: boolean;
}

export const watch: Command<WatchOptions> = async (invocation) => {
  refuseArguments(invocation.args);
  const place = await openPlace(invocation, 'read');
  requireName(place.tokensFile);
  return place.following(() => follow(place.tokensFile, invocation));
};

async function follow(
  tokensFile: string,
  { options, io, terminal, fs }: Invocation<WatchOptions>,
): Promise<ExitStatus> {
  const { interrupted } = io; // from here on a signal is the normal end
  const reloads = new EventEmitter<{ reload: [Reload] }>();
  let follower: FileFollower | undefined;
  try {
    const changes = on(reloads, 'reload', { signal: interrupted });
    const onReload = (reload: Reload) => void reloads.emit('reload', reload);
    follower = await FileFollower.open(tokensFile, { fs, onReload });
    const exists = ifExists(() => fs.statSync(tokensFile)) !== undefined;
    await print(startOf(follower, exists), startLines(follower, exists));
    let hasFailed = follower.error !== undefined;
    for await (const [reload] of changes as AsyncIterable<[Reload]>) {
      const hasRecovered = hasFailed && reload.error === undefined;
      await print(reportOf(reload, hasRecovered), reloadLines(reload, hasRecovered));
      hasFailed = reload.error !== undefined;
    }
  } catch (error) {
    // Only poll(2), which Node does not offer, could detect that a pipe has lost its reader; the next write detects it.
    // The end of a socket is not a reliable sign: systemd closes this side of the socket to its journal.
    const isUnread = error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE';
    if (!interrupted.aborted && !isUnread) throw error;
  } finally {
    await follower?.close();
  }
  return ExitCode.OK;

  async function print(report: Report, lines: readonly string[]): Promise<void> {
    const time = new Date().toISOString();
    const text = options.json
      ? [toJson({ time, ...report })]
      : lines.map((line) => `${time} ${escapeControls(line)}`);
    await terminal.answer(text.map((line) => `${line}\n`).join(''));
  }
}

function startOf({ entries, error }: FileFollower, exists: boolean): Report {
  if (error !== undefined) return { event: 'failed', reason: error.message, removed: [] };
  return { event: 'loaded', tokens: [...entries.keys()].sort(), ...(!exists && { exists }) };
}

function startLines({ entries, error }: FileFollower, exists: boolean): string[] {
  if (error !== undefined) return [`the server would not start: ${error.message}`];
  const names = [...entries.keys()].sort();
  return [
    `loaded ${names.length} ${names.length === 1 ? 'token' : 'tokens'}`,
    ...names,
    ...(exists ? [] : ['the file does not exist']),
  ];
}

function reportOf({ added, removed, changed, error }: Reload, recovered: boolean): Report {
  if (error !== undefined) return { event: 'failed', reason: error.message, removed };
  return { event: 'changed', added, removed, changed, ...(recovered && { recovered }) };
}

function reloadLines({ added, removed, changed, error }: Reload, hasRecovered: boolean): string[] {
  if (error !== undefined) return [`the server would drop every file token: ${error.message}`];
  return [
    ...(hasRecovered ? ['the server can read the file again'] : []),
    ...added.map((name) => `added ${name}`),
    ...removed.map((name) => `removed ${name}`),
    ...changed.map((name) => `changed ${name}`),
  ];
}
