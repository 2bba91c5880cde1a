import { ServiceTokensError } from '../../errors.js';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { type Describable, type Vocabulary, vocabularyOf } from '../completion/vocabulary.js';
import { zshScript } from '../completion/zsh.js';
import { ExitCode } from '../exit-codes.js';
import type { Command } from './command.js';
import { SHELLS, type Shell } from './shells.js';

const scripts: Readonly<Record<Shell, (vocabulary: Vocabulary) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/**
 * The command `completion`.
 *
 * @param commands the table of the commands, including this one
 */
export function completionOf(tool: string, commands: Readonly<Record<string, Describable>>): Command {
  return async ({ args, terminal }) => {
    const shell = parseShell(args);
    await terminal.answer(scripts[shell](vocabularyOf(tool, commands)));
    return ExitCode.OK;
  };
}

/** @throws USAGE unless there is one argument, a known shell */
function parseShell([name, ...extra]: readonly string[]): Shell {
  const choice = SHELLS.join(',');
  if (name === undefined) {
    throw new ServiceTokensError('USAGE', `Missing shell argument. Must be one of [${choice}]`);
  }
  if (extra.length > 0) {
    throw new ServiceTokensError('USAGE', `Expected one argument, a shell, found ${extra.length + 1}`);
  }
  const shell = SHELLS.find((each) => each === name);
  if (shell !== undefined) return shell;
  throw new ServiceTokensError('USAGE', `Unknown shell [${name}]. Must be one of [${choice}]`);
}
