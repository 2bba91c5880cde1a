import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** An empty directory for each test of a file; `path` belongs to the running test. */
export interface TemporaryDirectory {
  readonly path: string;
  /** Writes a file in the directory, and creates its parents. @returns its path */
  write(name: string, content?: string | Uint8Array): string;
  /** Creates a directory in the directory, and its parents. @returns its path */
  mkdir(name: string): string;
}

/** Call at the top of a test file. The directory is made before each test and removed after it. */
export function temporaryDirectory(): TemporaryDirectory {
  let path = '';
  beforeEach(() => {
    path = realpathSync(mkdtempSync(join(tmpdir(), 'service-tokens-test-')));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    write(name, content = '') {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    mkdir(name) {
      const directory = join(path, name);
      mkdirSync(directory, { recursive: true });
      return directory;
    },
  };
}
