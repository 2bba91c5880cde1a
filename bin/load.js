// Loads the bundle with the code that V8 compiled from it at build time: compiling it again would take a third of the
// startup time. The file of this code begins with the source that it was compiled from, because V8 only compares the
// lengths of sources; it refuses code of another version or of other flags. Nothing is written at run time.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const DIRECTORY = join(__dirname, '../dist/bundle');
const WRAPPER = '(function (exports, require, module, __filename, __dirname) { ';
const filename = join(DIRECTORY, 'index.js');
const codeFile = `${filename}.${process.arch}.code`;

const source = readFileSync(filename);
const script = new Script(`${WRAPPER}${source.latin1Slice()}\n})`, {
  // esbuild writes ASCII only
  filename,
  columnOffset: -WRAPPER.length,
  cachedData: readCode(),
});
const bundle = { exports: {} };
const requireBeside = (name) => require(name.startsWith('./') ? join(DIRECTORY, name) : name);
script.runInThisContext()(bundle.exports, requireBeside, bundle, filename, DIRECTORY);
module.exports = { bundle: bundle.exports, codeFile, script, source };

function readCode() {
  try {
    const file = readFileSync(codeFile);
    return source.equals(file.subarray(0, source.length)) ? file.subarray(source.length) : undefined;
  } catch {
    return undefined; // there is none for this architecture
  }
}
