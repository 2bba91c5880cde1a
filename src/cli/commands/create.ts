import { commandLine } from '../../access/printed-command.js';
import { decideByName } from '../../tokens-file/add-token.js';
import type { IfExists } from '../../tokens-file/edits.js';
import { conflictingOptions, type Options, usageError } from '../options.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import { answerOf, dryRunNote, mint, seriesOfToken } from './mint.js';
import { parseOutput } from './token-output.js';

export const create: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const token = parseTokenArguments(args, version);
  const { principal, name, key } = token;
  const ifExists = parseIfExists(options);
  const output = parseOutput(options);
  return mint(invocation, {
    principal,
    output,
    settingsFirst: ifExists !== 'keep',
    series: output.format === 'env' ? seriesOfToken(token) : undefined,
    decide: decideByName(principal, name, ifExists),
    async report(decision, files) {
      const { file, target } = files;
      if (options.dryRun) return terminal.note(dryRunNote(principal, decision, files));
      if (decision.outcome !== 'kept') return;
      if (output.isJson) return terminal.answerJson(answerOf(principal, decision, files));
      if (file !== undefined && file.held() !== 'nothing') return;
      const fact = `Service token [${key}] already exists`;
      if (file === undefined && (options.silent || options.output !== undefined)) {
        // A consumer that reads stdout would read nothing.
        const ensure = commandLine(['ensure', key, '--token-file', 'PATH'], target.naming);
        throw usageError(
          `${fact}, and its secret cannot be printed`,
          `To have the token in a file at every run: ${ensure}`,
        );
      }
      await terminal.note(`${fact}; its secret is not known, and nothing has changed`);
    },
  });
};

/** How existing entries are handled: `--if-not-exists` keeps them, `--replace` replaces them. */
export function parseIfExists({ ifNotExists = false, replace = false }: Options): IfExists {
  if (ifNotExists && replace) throw conflictingOptions('--if-not-exists', '--replace');
  if (ifNotExists) return 'keep';
  return replace ? 'replace' : 'refuse';
}
