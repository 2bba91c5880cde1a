import { ServiceTokensError } from '../errors.js';
import { type Algorithm, defaultAlgorithm, readAlgorithm } from '../hash/algorithm.js';
import { ALGORITHM, FIPS_MODE, type Overrides } from './overrides.js';
import { resolveSetting } from './placeholders.js';
import { type Environment, notLoaded, type SettingsFile, substituteVariables } from './settings-file.js';
import { readYaml } from './yaml.js';

/** A text without these words contains none of the two settings. */
const RELEVANT = /hashing|fips_mode/;

/** The settings that decide how a token is hashed. */
export interface HashSettings {
  readonly algorithm: Algorithm;
  /** Whether FIPS mode is on, which requires PBKDF2. */
  readonly fipsMode: boolean;
}

/**
 * Determines the settings for hashing tokens: from the overrides, else from elasticsearch.yml, else the server's
 * default. Other settings matter only if a placeholder of these two refers to them.
 *
 * With `-E` of the algorithm, the file decides only on FIPS mode, and one that cannot be read is passed over.
 *
 * @param home the server's home, which is the setting path.home
 * @throws CONFIG for settings that the server could not load; INVALID_ALGORITHM; and what `readFile` throws. Messages
 *   contain no value, except an algorithm that is written literally
 */
export function findHashSettings(
  readFile: () => SettingsFile | undefined,
  overrides: Overrides,
  env: Environment,
  home?: string,
): HashSettings {
  const settings = new Map<string, string>();
  let fileText = '';
  try {
    const file = readFile();
    if (file !== undefined) {
      fileText = file.text;
      const text = substituteVariables(file, env);
      if (RELEVANT.test(text) || [...overrides.values()].some((value) => value.includes('${')))
        addYaml(settings, text, (reason) => notLoaded(file.path, reason));
    }
  } catch (error) {
    if (!overrides.has(ALGORITHM)) throw error;
  }
  // The original parses a value as YAML, so `bcrypt4 # faster` is `bcrypt4`.
  const written = [...overrides].map(([key, value]) => ({ key, text: `${key}: ${value}\n` }));
  if (settings.size > 0 || written.some(({ text }) => RELEVANT.test(text))) {
    for (const { key, text } of written) {
      const failed = (reason: string) => `Failed to read the setting -E ${key}: ${reason}`;
      addYaml(settings, text, (reason) => new ServiceTokensError('CONFIG', failed(reason)));
    }
  }
  if (home !== undefined) settings.set('path.home', home);
  for (const name of [...settings.keys()])
    if (name.startsWith('force.')) settings.set(name.slice('force.'.length), settings.get(name) ?? '');
  const sources = [fileText, ...overrides.values()];
  const isLiteral = (text: string) => sources.some((source) => source.includes(text));
  const resolve = (name: string) => resolveSetting(settings, name, (named) => isLiteral(`\${${named}`));
  const name = resolve(ALGORITHM);
  const hidden = 'the value is not shown, as it is not written so in elasticsearch.yml or -E';
  const algorithm = name ? readAlgorithm(name, isLiteral(name) ? name : hidden) : defaultAlgorithm;
  return { algorithm, fipsMode: resolve(FIPS_MODE) === 'true' };
}

function addYaml(
  settings: Map<string, string>,
  text: string,
  refusal: (reason: string) => ServiceTokensError,
): void {
  try {
    for (const [name, value] of readYaml(text)) settings.set(name, value);
  } catch (error) {
    throw error instanceof SyntaxError ? refusal(error.message) : error;
  }
}
