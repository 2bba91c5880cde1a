import { ServiceTokensError } from '../errors.js';
import type { Algorithm } from '../hash/algorithm.js';
import { hashSecret } from '../hash/hasher.js';
import { ServiceToken } from '../token/token.js';
import type { TokenName } from '../token/token-name.js';
import type { Edit } from './edits.js';
import type { TokenFile } from './token-file.js';
import type { Tokens, Updated } from './tokens.js';

/** The result of `ensure`: no change, a new entry, or a new secret for an existing entry. */
export type Ensured = 'unchanged' | 'created' | 'replaced';

/** What a token file should contain. */
export interface Wanted {
  readonly principal: string;
  readonly name: TokenName;
  /** Formats a token for the file. */
  readonly format: (token: ServiceToken) => string;
  /** Parses the file's text; returns undefined for text that `format` does not write. */
  readonly parse: (text: string) => ServiceToken | undefined;
  /** Whether the server accepts a token by its stored hash. */
  readonly accepts: (token: ServiceToken, stored: string) => Promise<boolean>;
}

export interface EnsureOptions {
  /** Called only if something is hashed. */
  readonly algorithm: () => Algorithm;
  /** Whether a token file with other content may be replaced. */
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/**
 * Ensures that a token file contains a token that the tokens file accepts.
 *
 * If it does, nothing changes. Otherwise the entry gets a new secret, and then, still under the lock of the tokens
 * file, the token file is replaced. If the process is killed in between, the two do not match, and the next run repeats
 * both.
 *
 * @throws FILE_EXISTS if the token file contains something else; as Tokens.update and TokenFile.write do
 */
export async function ensureToken(
  tokens: Tokens,
  file: TokenFile,
  wanted: Wanted,
  { algorithm, force, dryRun, signal }: EnsureOptions,
): Promise<Updated<Ensured>> {
  const token = ServiceToken.mint(wanted.principal, wanted.name);
  const key = token.qualifiedName;
  const editWith =
    (hash: string): Edit<Ensured> =>
    async (content) => {
      const text = file.read() ?? '';
      const held = wanted.parse(text);
      const isOwn = held?.qualifiedName === key;
      const stored = content.hashOf(key);
      if (isOwn && stored !== undefined && (await wanted.accepts(held, stored))) {
        return { content: undefined, result: 'unchanged' };
      }
      if (text.trim() !== '' && !isOwn && !force) throw holdsSomethingElse(file.path, key);
      const result = stored === undefined ? 'created' : 'replaced';
      return { content: content.changed({ remove: [key], add: new Map([[key, hash]]) }), result };
    };
  const preview = await tokens.preview(editWith(''));
  if (preview === 'unchanged') {
    if (!dryRun) file.removeSecondName();
    return { result: preview };
  }
  const chosen = algorithm();
  if (dryRun) file.requireWritable();
  const hash = dryRun ? '' : await hashSecret(token.secret, chosen);
  return tokens.update(editWith(hash), {
    signal,
    dryRun,
    deliver: (result) => {
      if (result !== 'unchanged') file.write(wanted.format(token), { replace: true });
    },
  });
}

function holdsSomethingElse(path: string, key: string): ServiceTokensError {
  return new ServiceTokensError(
    'FILE_EXISTS',
    `[${path}] contains something other than a token of [${key}]`,
    {
      hint: 'Name another file, or use --force to replace it.',
    },
  );
}
