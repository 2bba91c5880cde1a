import { commandLine, type Naming } from '../../access/printed-command.js';
import { ServiceTokensError } from '../../errors.js';
import { qualifiedName } from '../../token/token-name.js';
import { decideByName } from '../../tokens-file/add-token.js';
import type { IfExists } from '../../tokens-file/edits.js';
import { conflictingOptions, type Options } from '../options.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import { dryRunNote, jsonOf, mint, seriesOfToken } from './mint.js';
import { parseOutput } from './token-output.js';

export const create: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const { principal, name } = parseTokenArguments(args, version);
  const ifExists = parseIfExists(options);
  const plan = parseOutput(options);
  const key = qualifiedName(principal, name);
  return mint(invocation, {
    principal,
    plan,
    settingsFirst: ifExists !== 'keep',
    series: plan.format === 'env' ? seriesOfToken(principal, name) : undefined,
    decide: decideByName(principal, name, ifExists),
    async report(decision, files) {
      if (options.dryRun) return terminal.note(dryRunNote(principal, decision, files));
      if (decision.outcome !== 'kept') return;
      if (plan.isJson) return terminal.answer(jsonOf(principal, decision, files));
      if (files.tokenFile !== undefined && files.held() !== 'nothing') return;
      if (files.tokenFile === undefined && (options.silent || options.output !== undefined))
        throw noAnswer(files.naming);
      await terminal.note(
        `Service token [${key}] already exists; its secret is not known, and nothing has changed`,
      );
    },
  });

  /** A consumer that reads stdout would read nothing. */
  function noAnswer(naming: Naming): ServiceTokensError {
    return new ServiceTokensError(
      'USAGE',
      `Service token [${key}] already exists, and its secret cannot be printed`,
      {
        hint: `To have the token in a file at every run: ${commandLine(['ensure', key, '--token-file', 'PATH'], naming)}`,
      },
    );
  }
};

/** How existing entries are handled: `--if-not-exists` keeps them, `--replace` replaces them. */
export function parseIfExists({ ifNotExists = false, replace = false }: Options): IfExists {
  if (ifNotExists && replace) throw conflictingOptions('--if-not-exists', '--replace');
  if (ifNotExists) return 'keep';
  return replace ? 'replace' : 'refuse';
}
