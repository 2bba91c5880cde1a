import type { HashSettings } from '../../config/settings.js';
import type { Terminal } from '../terminal.js';

/** Warns of settings that are probably misspelled, and of an algorithm that FIPS mode does not allow. */
export async function warnOfSettings(
  { algorithm, fipsMode, misspelled }: HashSettings,
  terminal: Terminal,
): Promise<void> {
  for (const { name, meant } of misspelled) {
    await terminal.warn([`-E ${name} is not a setting that this command reads. Did you mean ${meant}?`]);
  }
  if (fipsMode && algorithm.scheme === 'bcrypt') {
    await terminal.warn(['FIPS mode is enabled and requires PBKDF2, but this token was hashed with bcrypt']);
  }
}
