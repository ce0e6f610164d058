//! What is said of a model or a profile that is refused: every fixed sentence, by name.
//!
//! In the default flavour's WebAssembly they are numbers: a page loads the sentences (`dist/words.js`) only where a model was refused.

use std::fmt;

use crate::numbered::numbered;

numbered! {
    /// A sentence, or a part of one.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    #[allow(missing_docs)] // each is its own
    pub enum Words {
        // Kinds of refusals, and what stands around their subjects.
        ModelMalformed = "the model cannot be read: ",
        ModelTooLarge = "the model is too large: ",
        ModelGraph = "the model's graph does not fit: ",
        ModelContract = "the model's contract does not hold: ",
        ModelGolden = "the model's golden case does not hold: ",
        ProfileMalformed = "the profile cannot be read: ",
        CompactRunsNot = "the compact engine does not run ",
        FullRunsNot = "the full flavour does not run ",
        FullMay = "; nearside/full may",
        Opset = "opset ",
        KnownOpsets = ", only 13 to 21",
        // The file's format.
        FileOver1Mb = "the file has more than 1 MB",
        FileOver16Mb = "the file has more than 16 MB",
        FieldCutShort = "a field ends after its message",
        FieldNumber0 = "a field has the number 0",
        FieldType = "a field has the wrong wire type",
        FieldTypeUnknown = "a field has an unknown wire type",
        VarintTooLong = "a varint is longer than 64 bits",
        NameNotUtf8 = "a name is not UTF-8",
        NameTooLong = "the name of an operator or attribute is too long",
        NoGraph = "it has no graph",
        TwoGraphs = "it has two graphs",
        NoOperatorSet = "it does not name its operator set",
        OnnxTwice = "it imports ai.onnx in two versions",
        OperatorSetTwice = "it imports another operator set than ai.onnx in two versions",
        MetadataTwice = "a metadata key stands twice",
        // Bounds on what it holds.
        ManyMetadata = "it has too many metadata entries",
        ManyOperatorSets = "it has too many operator sets",
        ManyOperators = "it has too many operators",
        ManyNodes = "it has too many nodes",
        ManyInitializers = "it has too many initializers",
        ManyInputs = "it has too many inputs",
        ManyOutputs = "it has too many outputs",
        ManyTensors = "it has too many tensors",
        ManyOfNode = "a node has too many inputs, outputs or attributes",
        ManyPartsOfNode = "a node has too many parts",
        ManyDimensions = "a tensor has too many dimensions",
        ManyDimensionsOfValue = "a value has too many dimensions",
        GraphsTooDeep = "its graphs lie too deep in each other",
        // Parts of the format that are not read.
        TrainingInformation = "training information",
        OwnFunctions = "functions of the model's own",
        SparseTensors = "sparse tensors",
        OtherFiles = "tensors in other files",
        GraphsInNodes = "graphs inside nodes",
        AttributesOfFunctions = "attributes that refer to a function's",
        AttributesOfOtherTypes = "attributes of text lists, tensor lists or types",
        ValuesNoTensors = "inputs or outputs that are not tensors",
        Float16 = "tensors of float16",
        Double = "tensors of double",
        OtherElements = "tensors of types other than float, uint8, int8, int32, int64 and bool",
        UncommonElements = "tensors of an uncommon type",
        // Nodes, tensors and values.
        AttributeUntyped = "an attribute does not name its type",
        AttributeTwice = "an attribute stands twice",
        TensorUntyped = "a tensor does not name its type",
        TensorElement = "a tensor's element does not fit its type",
        TensorData = "a tensor's data is not of its type",
        TensorNotFilled = "a tensor's data does not fill its dimensions",
        TensorNegative = "a tensor's dimension is negative",
        NodeWithoutOperator = "a node has no operator",
        NodeInputs = "a node has too few or too many inputs",
        OutputMadeByNone = "an output is made by no node",
        ValueNameless = "a value has no name",
        ValueTwice = "a value is given twice",
        ValueUnknown = "a value is used that no earlier node gives",
        ConstantShape = "a Constant has not one value and one output",
        AnotherValue = "another kind of value",
        MoreOutputs = "more than one output",
        BeforeOpset = "before opset ",
        Attribute = "attribute ",
        // The graph and the contract.
        InputUnknown = "it has an input that the contract does not know",
        InputShape = "an input's shape is not the contract's",
        InputNotFloats = "an input is not of floats",
        InputNotF32 = "an input's elements are not f32",
        InputTwice = "it names an input twice",
        InputLength = "an input has not the length its size asks for",
        OtherInputs = "it has other inputs than the case",
        TractOtherInputs = "tract sees other inputs in it",
        OnlyScore = "its only output must be score",
        ScoreForEach = "it does not give one score for each candidate",
        ScoresNotFloats = "its scores are not floats",
        PlaceForEach = "there is not one place for each score",
        NoHistory = "it needs a history and there is none",
        // Cost.
        IntermediateOver8Mb = "its intermediate results take more than 8 MB",
        ScoringOver25Million = "scoring takes more than 25 million operations",
        ConstantsOver25Million = "its constants take more than 25 million operations",
        ConstantsOverMillion = "its constants hold more than a million elements",
        RankingOver64Mb = "ranking 200 candidates takes more than 64 MB",
        RankingOver100Million = "ranking 200 candidates costs more than 100 million operations",
        // Operators.
        ElementsDiffer = "operands differ in their element type",
        Uint8 = "uint8",
        Int8 = "int8",
        Int32 = "int32",
        Int64 = "int64",
        Bool = "bool",
        Int64ToInt32 = "int64 to int32",
        IntegersBeyond24Bits = "integers beyond 24 bits",
        NotQuantized = "not of int8, uint8 or int32",
        EmptyTensor = "an empty tensor",
        ShapesDoNotBroadcast = "shapes do not broadcast",
        ShapeElements = "a new shape has another number of elements",
        ShapeNotConstant = "a shape or axis that is not constant",
        ShapeNotIntegers = "a shape or axis is no list of integers",
        Dimension = "a dimension is negative or too large",
        AxisRange = "an axis is out of range",
        AxisTwice = "an axis is named twice",
        ConcatParts = "parts of Concat differ in more than its axis",
        ReshapeOpen = "Reshape leaves two dimensions open",
        SqueezeNot1 = "Squeeze names a dimension that is not 1",
        SliceLists = "the lists of Slice differ in length",
        GatherRange = "an index of Gather is out of range",
        GatherNotInteger = "an index of Gather is not an integer",
        WhereCondition = "the condition of Where is not a truth value",
        ClipBound = "a bound of Clip is not one number",
        CastTo = "Cast does not say to what",
        MatrixInner = "the inner dimensions of a matrix product differ",
        GemmOperand = "an operand of Gemm is not a matrix",
        ScaleZeroPoint = "scale and zero point differ in shape",
        ScaleAxis = "the scale does not fit its axis",
        ScaleBlocks = "the scale does not fit its blocks",
        BlockNegative = "a block size is negative",
        BlockNotFull = "a last block that is not full",
        // The contract's members.
        Missing = " is missing",
        NotName = " is not 1 to 128 letters, digits and signs",
        NotWhole = " is not a whole number in its range",
        NotVersion1 = " is not 1, the version that is known",
        Not64 = " is not 64",
        NotBase64 = " is not base64",
        FeatureTwice = " stands twice in nearside.features",
        FeatureUnknown = ", in nearside.features, is not known",
        // The golden case.
        GoldenLengths = "its parts differ in length",
        GoldenList = "its list is refused",
        GoldenProfile = "its profile cannot be read",
        GoldenScoresNothing = "it scores nothing, or not all of its candidates",
        GoldenFeatures = "the features differ from the stated ones",
        GoldenScores = "the scores differ from the stated ones",
        // A stored profile.
        ProfileMagic = "it does not begin as a profile does",
        ProfileVersion = "its version is not known",
        ProfileLength = "its length is not the stated one",
        ProfileChecksum = "its checksum does not match",
        ProfileGeneration = "its generation is out of its range",
        ProfileEntries = "it has too many entries",
        ProfileDwell = "a dwell time is out of its range",
        ProfileFlag = "a flag is not known",
        ProfileRewritten = "written again it is not the same",
        ProfileEnd = "it ends too early",
    }
}

/// The first character of Unicode's private use area: where words are numbers, `FIRST_MARK + n` stands for those of number `n`. No text of a
/// model's file that is told has a character of that area.
pub(crate) const FIRST_MARK: u32 = 0xe000;

/// Whether words are numbers.
const NUMBERED: bool = cfg!(all(target_arch = "wasm32", not(feature = "tract")));

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.add_to(&mut text);
        f.write_str(&text)
    }
}

impl Words {
    /// Adds them to a text.
    pub(crate) fn add_to(self, text: &mut String) {
        if NUMBERED {
            text.push(char::from_u32(FIRST_MARK + self as u32).unwrap_or_default());
        } else {
            text.push_str(self.code());
        }
    }

    /// The words of this text.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        *Self::ALL.iter().find(|words| words.code() == text).expect(text)
    }
}
