import { authenticate } from '../../authenticate/authentication.js';
import { qualifiedName } from '../../token/token-name.js';
import { membersOf } from '../../tokens-file/token-series.js';
import { ENSURE_OUTPUTS, usageError } from '../options.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import { mint, seriesOfToken } from './mint.js';
import { parseOutput } from './token-output.js';

/**
 * Ensures that a token file holds a token of a series that the tokens file accepts. If it does, nothing changes.
 * Otherwise the newest token of the series gets a new secret, and then, still under the lock of the tokens file, the
 * token file is written. If the process is killed in between, the two do not match, and the next run repeats both.
 */
export const ensure: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const token = parseTokenArguments(args, version);
  const { principal, name } = token;
  const { json = false, dryRun = false, silent = false, output = 'token', tokenFile, file } = options;
  if (tokenFile === undefined) throw usageError('The command ensure needs --token-file');
  const series = seriesOfToken(token);
  // Here --json and --silent are about the report, not about the token.
  const parsed = parseOutput({ ...options, output, json: false, silent: false }, ENSURE_OUTPUTS);
  if (file === '-') throw usageError('The command ensure changes a file, not a stream');
  return mint(invocation, {
    principal,
    output: parsed,
    series,
    async decide(content, { file }) {
      const held = file?.held();
      if (typeof held === 'object' && series.has(held)) {
        const refusal = await authenticate(held, content.hashesOf([held.qualifiedName]), version);
        if (refusal === undefined) return { name: held.name, outcome: 'kept' };
      }
      const newest = membersOf(principal, name, content).at(-1);
      return newest === undefined ? { name, outcome: 'created' } : { name: newest.name, outcome: 'replaced' };
    },
    async report({ name, outcome }, { file }) {
      const isRewritten = outcome === 'kept' && (await file?.rewrite(dryRun));
      const result = isRewritten ? 'rewritten' : outcome === 'kept' ? 'unchanged' : outcome;
      const key = qualifiedName(principal, name);
      if (dryRun) await terminal.note(DRY_RUN[result]);
      if (json) {
        await terminal.answerJson({
          changed: result !== 'unchanged',
          result,
          ...(result === 'replaced' && { replaced: true }),
          principal,
          name,
          qualified_name: key,
          token_file: file?.path,
        });
      } else if (!silent && !dryRun) await terminal.answer(`${result}\n`);
      if (result !== 'replaced') return;
      await terminal.warn([
        dryRun
          ? `Whoever uses the present secret of [${key}] would be refused`
          : `Whoever uses the old secret of [${key}] is refused from now on`,
        'Give each consumer a token with a name of its own.',
      ]);
    },
  });
};

const DRY_RUN = {
  unchanged: 'Would change nothing',
  rewritten: 'Would write the token file again, with the same token',
  created: 'Would create the service token and write the token file',
  replaced: 'Would replace the service token and write the token file',
} as const;
