import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** Call at the top of a test file: an empty directory is made before each test, and removed after it. */
export function temporaryDirectory() {
  let path = '';
  beforeEach(() => {
    path = realpathSync(mkdtempSync(join(tmpdir(), 'service-tokens-test-')));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return {
    /** That of the running test. */
    get path() {
      return path;
    },
    /** Writes a file in the directory, and creates its parents. @returns its path */
    write(name: string, content: string | Uint8Array = '') {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    /** Creates a directory in the directory, and its parents. @returns its path */
    mkdir(name: string) {
      const directory = join(path, name);
      mkdirSync(directory, { recursive: true });
      return directory;
    },
  };
}
