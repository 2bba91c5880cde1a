import { authenticate } from '../../authenticate/authentication.js';
import { ServiceTokensError } from '../../errors.js';
import { qualifiedName } from '../../token/token-name.js';
import { membersOf } from '../../tokens-file/token-series.js';
import { ENSURE_OUTPUTS } from '../options.js';
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
  const { principal, name } = parseTokenArguments(args, version);
  const { json = false, dryRun = false, silent = false, output = 'token', tokenFile, file } = options;
  if (tokenFile === undefined) throw new ServiceTokensError('USAGE', 'The command ensure needs --token-file');
  const plan = parseOutput({ ...options, output, json: false }, ENSURE_OUTPUTS);
  if (file === '-') throw new ServiceTokensError('USAGE', 'The command ensure changes a file, not a stream');
  const series = seriesOfToken(principal, name);
  return mint(invocation, {
    principal,
    plan,
    series,
    async decide(content, { held }) {
      const token = held();
      if (typeof token !== 'string' && series.has(token)) {
        const refusal = await authenticate(token, content.hashesOf([token.qualifiedName]), version);
        if (refusal === undefined) return { name: token.name, outcome: 'kept' };
      }
      const newest = membersOf(principal, name, content).at(-1);
      return newest === undefined ? { name, outcome: 'created' } : { name: newest.name, outcome: 'replaced' };
    },
    async report({ name, outcome }, { tokenFile, rewrite }) {
      const kept = async () => ((await rewrite()) ? 'rewritten' : 'unchanged');
      const result = outcome === 'kept' ? await kept() : outcome;
      const key = qualifiedName(principal, name);
      if (dryRun) await terminal.note(DRY_RUN[result]);
      if (json) {
        const answer = {
          changed: result !== 'unchanged',
          result,
          ...(result === 'replaced' && { replaced: true }),
          principal,
          name,
          qualified_name: key,
          token_file: tokenFile,
        };
        await terminal.answerJson(answer);
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
