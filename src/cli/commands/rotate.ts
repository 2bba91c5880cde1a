import { decideNext, finishSeries } from '../../tokens-file/token-series.js';
import { conflictingOptions } from '../options.js';
import { parseTokenArguments, type TokenArguments } from './arguments.js';
import type { Command, Invocation } from './command.js';
import { dryRunNote, mint, seriesOfToken } from './mint.js';
import { applyTo, noteDeleted, openTarget } from './target.js';
import { parseOutput } from './token-output.js';

export const rotate: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const token = parseTokenArguments(args, version);
  if (options.finish) return finish(invocation, token);
  const { principal, name } = token;
  return mint(invocation, {
    principal,
    output: parseOutput(options),
    series: seriesOfToken(token),
    decide: (content, { target }) => decideNext(principal, name, content, target.naming),
    async report(decision, files) {
      if (options.dryRun) await terminal.note(dryRunNote(principal, decision, files));
    },
  });
};

const NOT_WITH_FINISH = ['output', 'envName', 'name', 'namespace', 'tokenFile', 'tokenOwner', 'force'];

async function finish(invocation: Invocation, { principal, name }: TokenArguments): Promise<undefined> {
  const { options, terminal } = invocation;
  const { dryRun = false, json = false, silent = false } = options;
  const other = Object.keys(options).find((option) => NOT_WITH_FINISH.includes(option));
  if (other !== undefined) {
    const flag = other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw conflictingOptions('--finish', `--${flag}`);
  }
  const target = await openTarget(invocation);
  return applyTo(target, finishSeries(principal, name), invocation, async (result) => {
    await noteDeleted(result.deleted, invocation);
    if (json && !dryRun && !silent) await terminal.answerJson(result);
  });
}
