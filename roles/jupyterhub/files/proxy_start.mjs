// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Start configurable-http-proxy with the token of a file, so that the token is in no argument, no `docker inspect` and no environment of a
// process: it is set inside node, which does not show in /proc/PID/environ. Every argument is the proxy's own.
//
// Facts: configurable-http-proxy 5.3 is an ES module (bin/configurable-http-proxy), reads process.env.CONFIGPROXY_AUTH_TOKEN at its start
// and starts without any authentication when that is empty. The official image and ours have it on PATH.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const TOKEN_FILE = process.env.CONFIGPROXY_AUTH_TOKEN_FILE || "/etc/proxy/token";
const PROGRAM = "configurable-http-proxy";

function fail(message) {
  console.error(`proxy_start: ${message}`);
  process.exit(2);
}

function readToken() {
  try {
    return fs.readFileSync(TOKEN_FILE, "utf8").trim();
  } catch (error) {
    return fail(`the token cannot be read: ${error.message}`);
  }
}

function findProgram() {
  const places = (process.env.PATH || "").split(path.delimiter).filter(path.isAbsolute);
  const found = places.map((place) => path.join(place, PROGRAM)).find((file) => fs.existsSync(file));
  // The link of npm, resolved: modules are looked up beside the real file.
  return found ? fs.realpathSync(found) : fail(`${PROGRAM} is not on PATH`);
}

const token = readToken();
if (token.length < 16) {
  fail(`${TOKEN_FILE} holds no token of at least 16 characters`);
}
process.env.CONFIGPROXY_AUTH_TOKEN = token;
process.argv[1] = findProgram();
await import(pathToFileURL(process.argv[1]).href);
