import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parsePrincipal } from '../../src/accounts/known-accounts.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { ServiceTokensFile } from '../../src/tokens-file/service-tokens-file.js';
import { watchedFileSystem } from '../support/faulty-file-system.js';
import { temporaryPlace } from './stage.js';

/** The name of an owner file of this process, observed while a token was created. */
async function observedOwner(): Promise<string> {
  const seen: unknown[] = [];
  const { fs } = watchedFileSystem({ before: (_, __, args) => seen.push(...args) });
  const directory = temporaryPlace();
  try {
    await new ServiceTokensFile(join(directory, 'service_tokens'), { fs }).create(
      parsePrincipal('elastic/kibana'),
      parseTokenName('new'),
      { algorithm: { scheme: 'pbkdf2', cost: 1_000 } },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
  const parts = seen.flatMap((arg) => (typeof arg === 'string' ? arg.split('/') : []));
  const [, owner] = parts.map((part) => /^\.service_tokens\.lock-(.*)/.exec(part)).find(Boolean) ?? [];
  if (owner === undefined) throw new Error('no lock directory was seen');
  return owner;
}

/** An owner file of a dead process: its number is not in use. */
export function deadOwner(owner: string): string {
  return owner.replace(/^\d+/, '4194303');
}

export const owner = await observedOwner();
