//! The reranker: what a model file promises, and the engines that run it.
mod compact;
mod onnx;
