import { type CheckReport, checkTokensFile } from '../../check/check.js';
import type { Severity } from '../../check/findings.js';
import { ExitCode } from '../exit-codes.js';
import { type Options, usageError } from '../options.js';
import { aboutHidden, hideTokens, type LabelColor, shown, type Terminal, toJson } from '../terminal.js';
import { refuseArguments } from './arguments.js';
import type { Command } from './command.js';
import { openServerPaths } from './server-paths.js';

export const check: Command = async (invocation) => {
  const { args, options, version, io, terminal } = invocation;
  refuseArguments(args);
  const { serverUser, trustDirectory, fix } = options;
  const expected = { expectedDigest: parseDigest(options), expectedTokens: parseCount(options) };
  const { configDir, tokensFile, inTokensDir } = await openServerPaths(invocation, fix ? 'repair' : 'read');
  const report = await inTokensDir((opened) => {
    const rules = { version, required: options.file !== undefined, ...expected };
    const repair = { fix, serverUser, trustDirectory, signal: fix ? io.interrupted : undefined };
    return checkTokensFile(tokensFile, { configDir, ...rules, ...repair }, opened);
  });
  const isOk = report.findings.every(({ severity }) => severity === 'note');
  const findings = report.findings.map((finding) => ({ ...finding, line: finding.line ?? null }));
  const answer = options.json
    ? hideTokens(toJson({ ...report, findings }))
    : forPeople(report, isOk, terminal);
  if (!options.silent) await terminal.answer(`${answer}\n`);
  return isOk ? ExitCode.OK : ExitCode.NO;
};

function parseDigest({ expectDigest }: Options): string | undefined {
  const digest = expectDigest?.toLowerCase();
  if (digest === undefined || /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw usageError(
    `[${expectDigest}] is not a digest`,
    'Write it as check prints it: sha256: and 64 hexadecimal digits.',
  );
}

function parseCount({ expectTokens }: Options): number | undefined {
  if (expectTokens === undefined) return undefined;
  if (/^\d{1,9}$/.test(expectTokens)) return Number(expectTokens);
  throw usageError(`[${expectTokens}] is not a number of tokens`);
}

const COLORS = { error: 'red', warning: 'yellow', note: 'blue' } as const satisfies Record<Severity, string>;

/** Formats one line for each repair, two for each finding, and one for the file. */
function forPeople(report: CheckReport, isOk: boolean, terminal: Terminal): string {
  const { file, tokens, digest, findings, fixed } = report;
  const labelled = (label: string, color: LabelColor, text: string) =>
    `${terminal.label(`${label}:`, color, 'stdout')} ${shown(text)}`;
  const lines: string[] = [];
  for (const what of fixed) lines.push(labelled('fixed', 'green', what));
  for (const { severity, line, message, hint } of findings) {
    const text = line === undefined ? message : `line ${line}: ${message}`;
    lines.push(labelled(severity, COLORS[severity], text), `  ${shown(hint)}`);
  }
  const summary =
    digest === null
      ? 'Elasticsearch does not read this file'
      : `${tokens} ${tokens === 1 ? 'token' : 'tokens'}, ${digest}`;
  const last = `[${file}]: ${summary}`;
  lines.push(isOk ? labelled('ok', 'green', last) : shown(last), ...aboutHidden([file]));
  return lines.join('\n');
}
