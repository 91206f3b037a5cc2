// npm start -- ARGS: installs and builds what is missing, then becomes `fanline dev ARGS`.
process.argv.splice(2, 0, 'packages/server/bin/fanline.js', 'dev')
await import('./run.mjs')
