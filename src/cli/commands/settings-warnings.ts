import type { HashSettings } from '../../config/settings.js';
import type { Terminal } from '../terminal.js';

/** Warns of an algorithm that FIPS mode does not allow. */
export async function warnOfSettings(
  { algorithm, fipsMode }: HashSettings,
  terminal: Terminal,
): Promise<void> {
  if (fipsMode && algorithm.scheme === 'bcrypt') {
    await terminal.warn(['FIPS mode is enabled and requires PBKDF2, but this token was hashed with bcrypt']);
  }
}
