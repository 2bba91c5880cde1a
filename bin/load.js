// Loads a file of the bundle with the code that V8 compiled from it at build time: compiling it again would take a
// third of the startup time. V8 accepts this code only from the same version with the same flags; otherwise it compiles
// the file. Nothing is written at run time.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const DIRECTORY = join(__dirname, '../dist/bundle');
const WRAPPER = '(function (exports, require, module, __filename, __dirname) { ';
const modules = new Map();
exports.scripts = new Map();

exports.load = function load(name) {
  if (!name.startsWith('./')) return require(name);
  let module = modules.get(name);
  if (module !== undefined) return module.exports;
  const filename = join(DIRECTORY, name);
  const source = `${WRAPPER}${readFileSync(filename, 'utf8')}\n})`;
  const script = new Script(source, {
    filename,
    columnOffset: -WRAPPER.length,
    cachedData: readCode(filename),
  });
  exports.scripts.set(filename, script);
  module = { exports: {} };
  modules.set(name, module);
  script.runInThisContext()(module.exports, load, module, filename, DIRECTORY);
  return module.exports;
};

function readCode(filename) {
  try {
    return readFileSync(`${filename}.${process.arch}.code`);
  } catch {
    return undefined; // most files have none
  }
}
