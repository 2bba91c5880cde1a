import { SourceMap, type SourceMapping } from 'node:module';
import { nodeFileSystem as fs } from '../disk/file-system.js';

/** A place in a file, at the end of a line of a stack trace. */
const PLACE = /(?<=[( ])(\/.*\.js):(\d+):(\d+)(?=\)?$)/gm;

/** Replaces bundle positions in a stack trace by source positions, if the bundle has a source map beside it. */
export function sourceStack(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(PLACE, (place, file: string, line: string, column: string) => {
    if (!maps.has(file)) maps.set(file, readSourceMap(file));
    const entry: Partial<SourceMapping> =
      maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1) ?? {};
    const { originalSource, originalLine = 0, originalColumn = 0 } = entry;
    if (originalSource === undefined) return place; // not from a source file
    return `${originalSource.replace(/^(\.\.\/)+/, '')}:${originalLine + 1}:${originalColumn + 1}`;
  });
}

function readSourceMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(fs.readFileSync(`${file}.map`, 'utf8')));
  } catch {
    return undefined; // missing, or not readable as this user
  }
}
