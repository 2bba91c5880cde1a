/** Tokens files of any size, with names and hashes as create makes them. */
import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseTokenName, ServiceToken } from '../../src/index.js';

export interface TokensFile {
  readonly configDir: string;
  readonly path: string;
  /** A token whose entry is in the file. */
  readonly bearer: string;
}

const ACCOUNTS = ['elastic/fleet-server', 'elastic/kibana', 'elastic/auto-ops'];
const SECRET = 'supersecret';

/**
 * @param entries how many there are
 * @param order sorted, as the tool and the original write them, or random
 */
export function makeTokensFile(
  directory: string,
  entries: number,
  order: 'sorted' | 'random' = 'sorted',
): TokensFile {
  const configDir = mkdtempSync(join(directory, 'config-'));
  const names = Array.from(
    { length: entries },
    (_, i) => `${ACCOUNTS[i % ACCOUNTS.length]}/token-${randomBytes(6).toString('hex')}`,
  );
  const known = names[0] as string;
  if (order === 'sorted') names.sort();
  const path = join(configDir, 'service_tokens');
  const fd = openSync(path, 'w', 0o660);
  for (let at = 0; at < names.length; at += 4_096) {
    const lines = names
      .slice(at, at + 4_096)
      .map((name) => `${name}:${name === known ? hash() : noHash()}\n`);
    writeSync(fd, lines.join(''));
  }
  closeSync(fd);
  const [namespace, service, name = ''] = known.split('/');
  return {
    configDir,
    path,
    bearer: new ServiceToken(`${namespace}/${service}`, parseTokenName(name), SECRET).bearer,
  };
}

function hash(): string {
  const salt = randomBytes(32);
  const secret = createHash('sha512').update(SECRET).digest('hex');
  return stored(salt, pbkdf2Sync(secret, salt, 10_000, 32, 'sha512'));
}

/** Looks like a hash, and took no time. */
function noHash(): string {
  return stored(randomBytes(32), randomBytes(32));
}

function stored(salt: Buffer, key: Buffer): string {
  return `{PBKDF2_STRETCH}10000$${salt.toString('base64')}$${key.toString('base64')}`;
}
