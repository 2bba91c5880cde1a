/** The system calls with which a replacement changes files, or makes the change durable. */
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
