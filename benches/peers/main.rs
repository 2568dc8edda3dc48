//! Programs that do the reference workload (`models/reference`) and nothing else, as whole processes beside which
//! `benches/peers/compare.py` puts lagsim: `per-record RATE SEED` and `limit RATE SEED` print one JSON object.

#[path = "../per_record/mod.rs"]
mod per_record;

mod limit;

use serde_json::json;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |ix: usize| {
        args.get(ix)
            .and_then(|text: &String| text.parse::<f64>().ok())
    };
    let (Some(program), Some(rate), Some(seed)) = (args.first(), number(1), number(2)) else {
        // cargo bench comes this way.
        println!("beside other simulators: python3 benches/peers/compare.py");
        return;
    };
    let told = match program.as_str() {
        "per-record" => {
            let [polls, most, mean, last] = per_record::hour(rate, seed as u64, true);
            json!({ "polls": polls, "max_lag": most, "mean_lag": mean, "final_lag": last })
        }
        _ => {
            let (polls, final_lag) = limit::hour(rate, seed as u64);
            json!({ "polls": polls, "final_lag": final_lag })
        }
    };
    println!("{told}");
}
