"""The models as MLServer's own runtimes."""

from classifier import Classifier
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceResponse


class Noop(MLModel):
    async def load(self):
        self.answer = lambda x: NumpyCodec.decode_input(x)
        return True

    async def predict(self, payload):
        y = NumpyCodec.encode_output("y", self.answer(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[y])


class Tensor(Noop):
    async def load(self):
        of_tensor = Classifier().of_tensor
        self.answer = lambda x: of_tensor(NumpyCodec.decode_input(x))
        return True


class Image(Noop):
    async def load(self):
        of_image = Classifier().of_image
        self.answer = lambda x: of_image(Base64Codec.decode_input(x)[0])
        return True
