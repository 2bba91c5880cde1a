import { type CheckReport, checkTokensFile } from '../../check/check.js';
import { ServiceTokensError } from '../../errors.js';
import { ExitCode } from '../exit-codes.js';
import { escapeControls } from '../terminal.js';
import { refuseArguments } from './arguments.js';
import type { Command } from './command.js';
import { type ChangeOptions, openPlace } from './place.js';

/** The options of `check`. */
interface CheckOptions extends ChangeOptions {
  readonly fix?: boolean;
  readonly expectDigest?: string;
  readonly expectTokens?: string;
  readonly json?: boolean;
}

export const check: Command<CheckOptions> = async (invocation) => {
  const { args, options, version, io, terminal } = invocation;
  refuseArguments(args);
  const { serverUser, trustDirectory, fix } = options;
  const expected = { expectedDigest: parseDigest(options), expectedTokens: parseCount(options) };
  const required = options.file !== undefined;
  const { configDir, tokensFile, inTokensDir } = await openPlace(invocation, fix ? 'change' : 'read');
  const signal = fix ? io.interrupted : undefined;
  const report = await inTokensDir(({ fs, ...entered }) => {
    const checkOptions = { serverUser, trustDirectory, configDir, fix, version, required, signal, fs };
    return checkTokensFile(tokensFile, { ...checkOptions, ...expected }, entered);
  });
  const answer = options.json ? forMachines(report) : forPeople(report);
  if (!options.silent) await terminal.answer(`${answer.map(escapeControls).join('\n')}\n`);
  return report.findings.some(({ severity }) => severity !== 'note') ? ExitCode.NO : ExitCode.OK;
};

function parseDigest({ expectDigest }: CheckOptions): string | undefined {
  if (expectDigest === undefined || /^sha256:[0-9a-f]{64}$/i.test(expectDigest))
    return expectDigest?.toLowerCase();
  throw new ServiceTokensError('USAGE', `[${expectDigest}] is not a digest`, {
    hint: 'Write it as check prints it: sha256: and 64 hexadecimal digits.',
  });
}

function parseCount({ expectTokens }: CheckOptions): number | undefined {
  if (expectTokens === undefined) return undefined;
  if (/^\d{1,9}$/.test(expectTokens)) return Number(expectTokens);
  throw new ServiceTokensError('USAGE', `[${expectTokens}] is not a number of tokens`);
}

function forMachines(report: CheckReport): string[] {
  const findings = report.findings.map((finding) => ({ ...finding, line: finding.line ?? null }));
  return [JSON.stringify({ ...report, findings })];
}

/** A line for each repair, two for each finding; a file with nothing to say about is one line. */
function forPeople({ tokens, digest, findings, fixed }: CheckReport): string[] {
  const count = `${tokens} ${tokens === 1 ? 'token' : 'tokens'}`;
  return [
    ...fixed.map((what) => `fixed: ${what}`),
    ...findings.flatMap(({ severity, line, message, hint }) => [
      `${severity}: ${line === undefined ? '' : `line ${line}: `}${message}`,
      `  ${hint}`,
    ]),
    digest === null ? 'no tokens: Elasticsearch does not read this file' : `${count}, ${digest}`,
  ];
}
