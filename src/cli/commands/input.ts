import { callerDescriptor } from '../../disk/caller-descriptor.js';
import { fileError, tooLarge } from '../../disk/file-errors.js';
import { absolutePath } from '../../paths.js';
import type { Io } from '../terminal.js';

/** The name of standard input on the command line, and in messages. */
export const STREAM = '-';
export const STANDARD_INPUT = 'standard input';

/** Whether a file on the command line is standard input, by any of its names. */
export function isStandardInput(file: string, io: Io): boolean {
  return file === STREAM || callerDescriptor(absolutePath(file, io)) === 0;
}

/** Reads standard input to its end. @param limit in bytes @throws IO, also if the input exceeds the limit */
export async function readStandardInput({ stdin }: Io, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      if (size > limit) throw tooLarge(STANDARD_INPUT, limit);
    }
  } catch (error) {
    throw fileError(error, 'could not read', STANDARD_INPUT);
  }
  return Buffer.concat(chunks);
}
