import * as Corpus from "./corpus.js"
import * as Dice from "./dice.js"
import * as Mutate from "./mutate.js"
import * as Judge from "./judge.js"
const corpus = Corpus.load()
const n = Number(process.argv[2]??2000), seed=Number(process.argv[3]??1), from=Number(process.argv[4]??0)
const tags:any={}, broken:any={}
const t0=performance.now(); let slow=0, slowAt=0
for(let i=from;i<from+n;i++){ const input=Mutate.make(corpus,Dice.of(seed,i)); const t=performance.now()
 try{ const r=Judge.judge(input); tags[r]=(tags[r]??0)+1 }catch(e:any){ const k=(e instanceof Judge.Broken? e.message : "THREW "+e?.stack).slice(0,400); const kk=k.replace(/[^a-zA-Z :,]/g,"").slice(0,60); if(!broken[kk]) broken[kk]={n:0,first:i,name:input.name,k}; broken[kk].n++ }
 const d=performance.now()-t; if(d>slow){slow=d;slowAt=i} }
console.log(corpus.length, tags); for(const b of Object.values(broken)) console.log(b)
console.log(n/((performance.now()-t0)/1000)|0,"/s slowest",slow,slowAt)
