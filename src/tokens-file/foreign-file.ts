import { basename } from 'node:path';
import { knownAccounts } from '../accounts/known-accounts.js';
import { ServiceTokensError } from '../errors.js';
import type { FileContent } from './file-content.js';

/**
 * Refuses to change a file that is something else, such as elasticsearch.yml: it is not called `service_tokens`, and has
 * lines besides comments and blanks, none of which is an entry or a line of a known account.
 *
 * @param path its path or, if it has none, its name in messages
 * @throws MALFORMED_FILE
 */
export function refuseForeignFile(content: FileContent, path: string): void {
  if (basename(path) === 'service_tokens' || content.hasEntries) return;
  const keys = [...content.plainKeys()];
  const isKnown = (key: string) => knownAccounts().some(({ principal }) => key.startsWith(`${principal}/`));
  if (keys.length === 0 || keys.some(isKnown)) return;
  throw new ServiceTokensError(
    'MALFORMED_FILE',
    `[${path}] is not a tokens file: none of its lines is an entry`,
    {
      hint: 'Name a tokens file, or one that does not exist yet.',
    },
  );
}
