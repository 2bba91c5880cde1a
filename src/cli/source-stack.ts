import { SourceMap, type SourceMapping } from 'node:module';
import { nodeFileSystem as fs } from '../disk/file-system.js';

/** A place in a file, at the end of a line of a stack trace. */
const PLACE = /(?<=[( ])(\/.*\.js):(\d+):(\d+)(?=\)?$)/gm;

/** Names the sources in a stack trace, where a bundle has a source map beside it; any other place stays as it is. */
export function sourceStack(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(PLACE, (place, file: string, line: string, column: string) => {
    if (!maps.has(file)) maps.set(file, readSourceMap(file));
    const entry: Partial<SourceMapping> =
      maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1) ?? {};
    const { originalSource, originalLine = 0, originalColumn = 0 } = entry;
    if (originalSource === undefined) return place; // it is in no source
    return `${originalSource.replace(/^(\.\.\/)+/, '')}:${originalLine + 1}:${originalColumn + 1}`;
  });
}

function readSourceMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(fs.readFileSync(`${file}.map`, 'utf8')));
  } catch {
    return undefined; // there is none, or none that may be read as this user
  }
}
