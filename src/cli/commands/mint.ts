import { hashSecret } from '../../hash/hasher.js';
import { ServiceToken } from '../../token/token.js';
import type { TokenName } from '../../token/token-name.js';
import type { Edit } from '../../tokens-file/edits.js';
import type { Updated } from '../../tokens-file/tokens.js';
import { ExitCode, type ExitStatus } from '../exit-codes.js';
import { toJson } from '../terminal.js';
import type { Invocation } from './command.js';
import { type HandoverOptions, openHandover, parseHandover, warnOfTokenFile } from './handover.js';
import { openTarget, type TargetOptions, warnOfSettings } from './target.js';

/** A token to create. */
export interface Draft {
  readonly principal: string;
  /** Its name, or a name of the series that it continues. */
  readonly name: TokenName;
  /** Whether nothing is hashed if the entry exists. */
  readonly mayKeep?: boolean;
  /** Returns the edit that stores a hash. */
  readonly editWith: (hash: string) => Edit<Minted>;
}

/** The result of the edit. */
export interface Minted {
  readonly name: TokenName;
  /** `kept`: a token of this name exists, and is unchanged. */
  readonly outcome: 'created' | 'replaced' | 'kept';
}

/**
 * Mints a token, stores its hash, and hands it over, for `create` and `rotate`.
 *
 * The edit is tried before hashing and locking, which take time, and repeated under the lock.
 */
export async function mint(
  invocation: Invocation<TargetOptions & HandoverOptions>,
  { principal, name, mayKeep = false, editWith }: Draft,
): Promise<ExitStatus> {
  const { options, io, terminal } = invocation;
  const { dryRun = false } = options;
  const plan = parseHandover(options);
  const target = await openTarget(invocation);
  const handover = openHandover(plan, invocation, target);
  try {
    const settings = await target.hashSettings();
    if (!mayKeep) settings(); // as in the original, which reports an invalid algorithm before an existing entry
    const { secret } = ServiceToken.mint(principal, name);
    const { path, result, change } = await target.inTokens(async (tokens) => {
      const finish = (updated: Updated<Minted>) => ({ ...updated, path: tokens.path });
      const preview = await tokens.preview(editWith(''));
      let hash = '';
      if (preview.outcome !== 'kept') {
        handover.requireReady();
        const { algorithm } = settings();
        if (!dryRun) hash = await hashSecret(secret, algorithm);
      } else if (!target.isStream) {
        return finish({ result: preview });
      }
      const deliver = async (minted: Minted) => {
        if (minted.outcome === 'kept') return;
        const token = new ServiceToken(principal, minted.name, secret);
        const value = handover.file === undefined ? token.bearer : undefined;
        await handover.deliver(token, () =>
          answerOf(principal, minted, tokens.path, handover.file?.path, value),
        );
      };
      const update = { signal: io.interrupted, dryRun, deliver, takeBack: () => handover.file?.takeBack() };
      return finish(await tokens.update(editWith(hash), update));
    });
    if (dryRun) {
      const key = `${principal}/${result.name}`;
      await terminal.note(`${DRY_RUN[result.outcome]} service token [${key}] in [${path}]`);
    } else if (plan.isJson && result.outcome === 'kept') {
      await terminal.answer(answerOf(principal, result, path, handover.file?.path));
    }
    if (result.outcome !== 'kept') await warnOfSettings(settings(), invocation);
    await target.warnOf(change);
    await warnOfTokenFile(handover.file, terminal);
    return ExitCode.OK;
  } finally {
    handover.close();
  }
}

const DRY_RUN = { created: 'Would create', replaced: 'Would replace', kept: 'Would keep' } as const;

/** The answer of `--json`; the names and meanings of its fields are stable. */
function answerOf(
  principal: string,
  { name, outcome }: Minted,
  file: string,
  tokenFile: string | undefined,
  value?: string,
): string {
  const answer = {
    created: outcome !== 'kept',
    ...(outcome === 'replaced' && { replaced: true }),
    token: { name, ...(value !== undefined && { value }) },
    principal,
    qualified_name: `${principal}/${name}`,
    file,
    ...(tokenFile !== undefined && { token_file: tokenFile }),
  };
  return `${toJson(answer)}\n`;
}
