import { EventEmitter, on } from 'node:events';
import { requireTrustedLinks } from '../../access/symlinks.js';
import type { IdentityFor } from '../../access/trusted-read.js';
import { FileFollower, type Reload } from '../../authenticate/file-follower.js';
import { requireName } from '../../disk/caller-descriptor.js';
import { attempt } from '../../disk/file-errors.js';
import { type FileSystem, ifExists } from '../../disk/file-system.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { escapeControls, hideTokens, isUnread } from '../terminal.js';
import { refuseArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { changeLines } from './diff.js';
import { openPlace } from './place.js';

/** A line of `--json`, without its time. Fields may be added; the names and meanings of these are stable. */
type Report =
  | { readonly event: 'loaded'; readonly tokens: readonly string[]; readonly exists?: false }
  | ({ readonly event: 'changed'; readonly recovered?: true } & Omit<Reload, 'error'>)
  | { readonly event: 'failed'; readonly reason: string; readonly removed: readonly string[] };

export const watch: Command = async (invocation) => {
  refuseArguments(invocation.args);
  const place = await openPlace(invocation, 'read');
  requireName(place.tokensFile);
  const { tokensFile, resolved, readAs } = place;
  requireTrustedLinks(resolved, invocation.fs, readAs(resolved)?.uid ?? invocation.fs.geteuid());
  return follow(tokensFile, readAs, invocation);
};

async function follow(
  tokensFile: string,
  identityFor: IdentityFor,
  { options, io, terminal, fs }: Invocation,
): Promise<ExitStatus> {
  const { interrupted } = io; // from here on a signal is the normal end
  const reloads = new EventEmitter<{ reload: [Reload] }>();
  let follower: FileFollower | undefined;
  try {
    const changes = on(reloads, 'reload', { signal: interrupted });
    const onReload = (reload: Reload) => void reloads.emit('reload', reload);
    follower = await FileFollower.open(tokensFile, { fs, identityFor, onReload });
    const { error, entries } = follower;
    const exists = error !== undefined || isThere(tokensFile, fs);
    const tokens = [...entries.keys()].sort();
    await print(
      error === undefined
        ? { event: 'loaded', tokens, ...(!exists && { exists }) }
        : { event: 'failed', reason: hideTokens(error.message), removed: [] },
      'the server would not start',
    );
    let hasFailed = follower.error !== undefined;
    for await (const [reload] of changes as AsyncIterable<[Reload]>) {
      const hasRecovered = hasFailed && reload.error === undefined;
      await print(reportOf(reload, hasRecovered), 'the server would drop every file token');
      hasFailed = reload.error !== undefined;
    }
  } catch (error) {
    // Only poll(2), which Node does not offer, could detect that a pipe has lost its reader; the next write detects it.
    // The end of a socket is not a reliable sign: systemd closes this side of the socket to its journal.
    if (!interrupted.aborted && !isUnread(error)) throw error;
  } finally {
    await follower?.close();
  }
  return ExitCode.OK;

  async function print(report: Report, failure: string): Promise<void> {
    const time = new Date().toISOString();
    if (options.json) return terminal.answerJson({ time, ...report });
    const lines = linesOf(report, failure).map((line) => `${time} ${escapeControls(line)}\n`);
    await terminal.answer(lines.join(''));
  }
}

function reportOf({ added, removed, changed, error }: Reload, recovered: boolean): Report {
  if (error !== undefined) return { event: 'failed', reason: hideTokens(error.message), removed };
  return { event: 'changed', added, removed, changed, ...(recovered && { recovered }) };
}

/** @param failure what a file that cannot be read means for the server */
function linesOf(report: Report, failure: string): string[] {
  if (report.event === 'failed') return [`${failure}: ${report.reason}`];
  if (report.event === 'loaded') {
    const { tokens, exists } = report;
    const count = `loaded ${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}`;
    return [count, ...tokens, ...(exists === false ? ['the file does not exist'] : [])];
  }
  return [...(report.recovered ? ['the server can read the file again'] : []), ...changeLines(report)];
}

function isThere(path: string, fs: FileSystem): boolean {
  return attempt(fs, 'could not read', path, () => ifExists(() => fs.statSync(path))) !== undefined;
}
