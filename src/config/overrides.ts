import { closestSetting } from '../did-you-mean.js';
import { ServiceTokensError } from '../errors.js';

/** The setting that names the hash algorithm of new tokens. */
export const ALGORITHM = 'xpack.security.authc.service_token_hashing.algorithm';
/** The setting that turns FIPS mode on. */
export const FIPS_MODE = 'xpack.security.fips_mode.enabled';

/** The settings from the command line, `-E key=value`, by key. */
export type Overrides = ReadonlyMap<string, string>;

/** @throws USAGE, with the original's message, for an empty value, a repeated key, and path.home; and for a misspelled key */
export function parseOverrides(words: readonly string[]): Overrides {
  const overrides = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const [key, value] = equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    if (value === '') throw new ServiceTokensError('USAGE', `setting [${key}] must not be empty`);
    const meant = closestSetting(key.replace(/^force\./, ''), [ALGORITHM, FIPS_MODE]);
    if (meant !== undefined) {
      const fact = `-E ${key} is not a setting of Elasticsearch`;
      throw new ServiceTokensError('USAGE', fact, { hint: `Did you mean ${meant}?` });
    }
    if (overrides.has(key)) {
      throw new ServiceTokensError('USAGE', `setting [${key}] set twice via command line -E`);
    }
    overrides.set(key, value);
  }
  // The original's scripts always set the home as a JVM system property, so -E conflicts with it.
  if (overrides.has('path.home')) {
    const message = 'setting [path.home] found via command-line -E and system property [es.path.home]';
    throw new ServiceTokensError('USAGE', message);
  }
  return overrides;
}
