/** nginx at a place of a lab: what stands in the `http` block is the situation's own. */
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab, Place } from "./lab.js"

/** Passes on at once what the server says, and waits as long as it takes: as a proxy in front of Ollama should be. */
export const streaming = `proxy_http_version 1.1;
proxy_buffering off;
proxy_read_timeout 1h;
proxy_set_header Connection "";
proxy_set_header Host localhost;`

const whole = (folder: string, http: string): string => `
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  default_type text/html;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}
`

/** Starts it; it listens when this is done, and ends with the lab. */
export const start = (lab: Lab, place: Place, http: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const folder = join(lab.folder, `nginx-${place}`)
    const file = join(folder, "nginx.conf")
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, whole(folder, http))
    // it goes into the background once it listens
    yield* lab.run(place, "nginx", "-e", join(folder, "error.log"), "-c", file)
  })
