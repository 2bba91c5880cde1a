import { ServiceTokensError } from '../errors.js';
import { requireString } from '../require.js';

/** How a new token's secret is hashed; `cost` is bcrypt's logarithm of rounds, or PBKDF2's number of iterations. */
export interface Algorithm {
  readonly scheme: 'bcrypt' | 'pbkdf2' | 'pbkdf2_stretch';
  readonly cost: number;
}

/** The costs that the server supports; a stored hash with another one keeps it from starting. */
export const bcryptCosts: readonly number[] = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
export const pbkdf2Costs: readonly number[] = [1_000, 10_000, 50_000, 100_000, 500_000, 1_000_000];

/** What the server uses when the setting is absent, in FIPS mode too. */
export const defaultAlgorithm: Algorithm = { scheme: 'pbkdf2_stretch', cost: 10_000 };

/** Every accepted value of the setting, in the order of the original's message. */
const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['bcrypt', { scheme: 'bcrypt', cost: 10 }],
  ...bcryptCosts.map((cost) => [`bcrypt${cost}`, { scheme: 'bcrypt', cost }] as const),
  ['pbkdf2', { scheme: 'pbkdf2', cost: 10_000 }],
  ...pbkdf2Costs.map((cost) => [`pbkdf2_${cost}`, { scheme: 'pbkdf2', cost }] as const),
  ['pbkdf2_stretch', defaultAlgorithm],
  ...pbkdf2Costs.map((cost) => [`pbkdf2_stretch_${cost}`, { scheme: 'pbkdf2_stretch', cost }] as const),
]);

/**
 * Reads a value of `xpack.security.authc.service_token_hashing.algorithm`, in any letter case.
 *
 * @throws INVALID_ALGORITHM, in the original's words
 *
 * @example parseAlgorithm('bcrypt4') // { scheme: 'bcrypt', cost: 4 }
 */
export function parseAlgorithm(text: string): Algorithm {
  requireString(text, 'algorithm', 'INVALID_ALGORITHM');
  return readAlgorithm(text, text);
}

/** Like parseAlgorithm. @param shown the value in the message, or the reason why it is not shown */
export function readAlgorithm(text: string, shown: string): Algorithm {
  const algorithm = algorithms.get(text.toLowerCase());
  if (algorithm !== undefined) return algorithm;
  throw new ServiceTokensError(
    'INVALID_ALGORITHM',
    `Invalid algorithm: ${shown}. Valid values for password hashing are [${[...algorithms.keys()].join(', ')}]`,
    { hint: 'The setting is xpack.security.authc.service_token_hashing.algorithm.' },
  );
}

/** Returns the equal algorithm of the table, which no caller can change. @throws INVALID_ALGORITHM for anything else */
export function requireAlgorithm(value: unknown): Algorithm {
  const { scheme, cost } = Object(value) as Partial<Algorithm>;
  const known = [...algorithms.values()].find((each) => each.scheme === scheme && each.cost === cost);
  if (known !== undefined) return known;
  throw new ServiceTokensError(
    'INVALID_ALGORITHM',
    'the algorithm must have a scheme and a cost that the server supports',
    { hint: "Use parseAlgorithm, as in parseAlgorithm('pbkdf2_stretch')." },
  );
}
