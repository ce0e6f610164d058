//! Graphs of any inputs and outputs, run once: what tests and fuzz targets do with the engine beside scoring.

use super::memory::Value;
use super::program::{self, Program};
use super::shape::Shape;
use crate::model::onnx::OnnxModel;
use crate::{Error, Words};

/// A value given to a graph or computed by one. Integers and truth values are held as floats.
pub(crate) struct Tensor {
    pub(super) shape: Shape,
    pub(super) elements: Vec<f32>,
}

/// Reads and runs a graph.
#[cfg(test)]
pub(super) fn run(model: &[u8], inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    // What a kernel does not write, or reads too early, shows.
    run_in(&crate::model::onnx::read(model)?, inputs, f32::NAN)
}

/// Runs a graph in an arena that is filled with `before`.
fn run_in(model: &OnnxModel, inputs: &[Tensor], before: f32) -> Result<Vec<Tensor>, Error> {
    if program::inputs(model).count() != inputs.len() {
        return Err(Error::ModelGraph(Words::OtherInputs));
    }
    let mut program = Program::read(model)?;
    let shapes: Vec<_> = inputs.iter().map(|input| input.shape).collect();
    let plan = program.plan(&shapes)?;
    let mut arena = vec![before; plan.arena];
    let inputs: Vec<_> = inputs.iter().map(|input| input.elements.as_slice()).collect();
    plan.run(&program.constants, &inputs, &mut arena).map_err(|refusal| refusal.of(""))?;
    let output = |(index, value): (usize, &Value)| Tensor {
        shape: value.shape,
        elements: plan.output(index, &program.constants, &inputs, &arena).to_vec(),
    };
    Ok(plan.outputs.iter().enumerate().map(output).collect())
}

/// Runs a graph on numbers made up for its inputs, in two arenas of different content, and checks that every output has the
/// elements of its shape and the same bits both times.
pub(crate) fn try_run(model: &OnnxModel) {
    // A nameless output is a value left out; a model that is loaded has none.
    if model.graph.outputs.iter().any(|output| output.name.is_empty()) {
        return;
    }
    let mut inputs = Vec::new();
    for input in program::inputs(model) {
        let dims = input.dims.as_deref().unwrap_or(&[None, Some(4)]);
        // Small whatever the file asks for.
        let dims: Vec<_> = dims.iter().map(|dim| dim.unwrap_or(3).clamp(0, 64) as usize).collect();
        let Ok(shape) = Shape::new(&dims) else { return };
        if shape.elements() > 1 << 14 {
            return;
        }
        let elements = (0..shape.elements()).map(|i| (i * 7 % 23) as f32 / 4.0 - 2.0).collect();
        inputs.push(Tensor { shape, elements });
    }
    let (Ok(once), Ok(again)) = (run_in(model, &inputs, f32::NAN), run_in(model, &inputs, 1e30)) else {
        return;
    };
    for (once, again) in once.iter().zip(&again) {
        assert_eq!(once.elements.len(), once.shape.elements());
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        assert!(once.elements.iter().zip(&again.elements).all(same), "a kernel reads what none wrote");
    }
}
