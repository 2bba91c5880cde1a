/** The system calls by which a replacement changes something, or makes it last. */
export const CHANGING_CALLS: ReadonlySet<string> = new Set([
  'mkdirSync',
  'openSync',
  'closeSync',
  'chmodSync',
  'linkSync',
  'renameSync',
  'fchownSync',
  'fchmodSync',
  'writeSync',
  'fsyncSync',
  'unlinkSync',
  'rmdirSync',
]);
