import { type IfExists, putEntries } from '../../tokens-file/edits.js';
import { conflictingOptions } from '../options.js';
import { parseTokenArguments } from './arguments.js';
import type { Command } from './command.js';
import type { HandoverOptions } from './handover.js';
import { mint } from './mint.js';
import type { TargetOptions } from './target.js';

/** The options of `create`. */
interface CreateOptions extends TargetOptions, HandoverOptions {
  readonly ifNotExists?: boolean;
  readonly replace?: boolean;
}

export const create: Command<CreateOptions> = async (invocation) => {
  const { args, options, version } = invocation;
  const { principal, name } = parseTokenArguments(args, version);
  const ifExists = parseIfExists(options);
  const key = `${principal}/${name}`;
  return mint(invocation, {
    principal,
    name,
    mayKeep: ifExists === 'keep',
    editWith: (hash) => async (content) => {
      const { content: edited, result } = await putEntries(new Map([[key, hash]]), ifExists)(content);
      const outcome = result.added.length > 0 ? 'created' : result.replaced.length > 0 ? 'replaced' : 'kept';
      return { content: edited, result: { name, outcome } };
    },
  });
};

/** How existing entries are handled: `--if-not-exists` keeps them, `--replace` replaces them. */
export function parseIfExists({
  ifNotExists = false,
  replace = false,
}: Pick<CreateOptions, 'ifNotExists' | 'replace'>): IfExists {
  if (ifNotExists && replace) throw conflictingOptions('--if-not-exists', '--replace');
  if (ifNotExists) return 'keep';
  return replace ? 'replace' : 'refuse';
}
