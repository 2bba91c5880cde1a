/** The version of this package; a test holds it against package.json, which is not there for a standalone executable. */
export const VERSION = '0.1.0';
