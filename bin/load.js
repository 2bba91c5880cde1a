// Loads a file of the bundle with the code that V8 compiled of it when the bundle was built: to compile it again takes a
// third of the start-up. V8 accepts that code only from the same version with the same flags; otherwise it compiles. It
// does not ask for which architecture the code is, so the name of the file says that.
// Nothing is written at run time.
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
    return undefined; // few files have any
  }
}
