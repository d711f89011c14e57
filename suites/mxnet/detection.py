"""The cases of operators that find boxes in images, and of small nets that end in them."""

import mxnet as mx
import numpy as np

S = mx.sym


def f(rng, *shape):
    return rng.normal(size=shape).astype("f4")


def boxes(rng, *shape, side=1.0):
    """Corners of boxes within an image of this side."""
    middle, half = rng.uniform(0.2, 0.8, (*shape, 2)), rng.uniform(0.02, 0.25, (*shape, 2))
    return (np.concatenate([middle - half, middle + half], -1) * side).astype("f4")


def scores(rng, *shape):
    """Probabilities of which no two are close, so that their order is the same to the last bit."""
    count = int(np.prod(shape))
    return (rng.permutation(count).reshape(shape) / count + 0.5 / count).astype("f4")


def rows(rng, *shape, classes=3):
    """Rows of class, score and box."""
    kinds = rng.integers(0, classes, (*shape, 1)).astype("f4")
    return np.concatenate([kinds, scores(rng, *shape, 1), boxes(rng, *shape)], -1)


def suppressions(case):
    def nms(name, make_x=lambda rng: rows(rng, 2, 30), **settings):
        def make(rng):
            x = make_x(rng)
            # The framework writes its boxes over those that it is given.
            return S.contrib.box_nms(S.identity(S.var("x", shape=x.shape)), **settings), {"x": x}

        case(f"box_nms_{name}", make)

    def equal(rng):
        """Equal scores, equal boxes, boxes without an area, and some that begin below 0."""
        x = rows(rng, 12)
        x[:, 1] = np.repeat([0.5, 0.25, 0.75], 4)
        x[3, 2:], x[5, 2:], x[8, 2:], x[9, 2:] = x[2, 2:], x[2, 2:], 0, 0
        x[10, 2:4] = -0.1
        return x

    nms("default")
    nms("class", id_index=0, valid_thresh=0.2)
    nms("class_forced", id_index=0, force_suppress=True, overlap_thresh=0.3)
    nms("background", id_index=0, background_id=1)
    nms("most", id_index=0, topk=7, overlap_thresh=0.2)
    nms("most_none", topk=0)
    nms("center", in_format="center", out_format="center", overlap_thresh=0.3)
    nms("to_center", out_format="center", id_index=0)
    nms("to_corner", in_format="center", out_format="corner", id_index=0, overlap_thresh=0.1)
    nms("equal", equal, id_index=0)
    nms("equal_all", equal, overlap_thresh=0.1)
    nms("nothing", valid_thresh=2.0)
    nms("places", lambda rng: np.concatenate([f(rng, 3, 2, 9, 2), rows(rng, 3, 2, 9)], -1), coord_start=4,
        score_index=3, id_index=2)


def detections(case):
    def detect(name, classes=4, **settings):
        def make(rng):
            anchors = boxes(rng, 1, 20)
            probabilities, moves = scores(rng, 2, classes, 20), f(rng, 2, 80)
            given = {"p": probabilities, "m": moves, "a": anchors}
            variables = [S.var(key, shape=x.shape) for key, x in given.items()]
            return S.contrib.MultiBoxDetection(*variables, **settings), given

        case(f"multi_box_detection_{name}", make)

    detect("default")
    detect("threshold", threshold=0.8)
    detect("forced", force_suppress=True, nms_threshold=0.2)
    detect("most", nms_topk=5)
    detect("unclipped", clip=False, variances=(0.2, 0.1, 0.3, 0.1))
    detect("no_suppression", nms_threshold=0, threshold=0.5)
    detect("nothing", classes=1)


def proposals(case):
    def propose(name, operator, batch=2, anchors=6, **settings):
        def make(rng):
            given = {"p": scores(rng, batch, 2 * anchors, 5, 6), "m": f(rng, batch, 4 * anchors, 5, 6) * 0.3,
                     "i": np.array([[80, 96, 1.0], [64, 90, 1.5]], "f4")[:batch]}
            variables = [S.var(key, shape=x.shape) for key, x in given.items()]
            settings.setdefault("scales", (1, 2, 4))
            settings.setdefault("ratios", (0.5, 2))
            made = getattr(S.contrib, operator)(*variables, feature_stride=16, rpn_min_size=8, **settings)
            return made, given

        case(f"proposal_{name}", make)

    propose("one", "Proposal", batch=1, rpn_post_nms_top_n=20)
    propose("scores", "MultiProposal", rpn_post_nms_top_n=15, rpn_pre_nms_top_n=60, output_score=True)
    propose("few", "MultiProposal", rpn_post_nms_top_n=30, rpn_pre_nms_top_n=12, threshold=0.1)
    propose("corners", "MultiProposal", rpn_post_nms_top_n=10, iou_loss=True, output_score=True)
    propose("default_anchors", "Proposal", batch=1, anchors=12, rpn_post_nms_top_n=12,
            scales=(4, 8, 16, 32), ratios=(0.5, 1, 2))


def anchors(case):
    def prior(name, **settings):
        case(f"multi_box_prior_{name}", lambda rng: (
            S.contrib.MultiBoxPrior(S.var("x", shape=(1, 2, 3, 5)), **settings), {"x": f(rng, 1, 2, 3, 5)}))

    prior("default")
    prior("several", sizes=(0.3, 0.5), ratios=(1, 2, 0.5))
    prior("steps", sizes=(0.3,), ratios=(1, 3), steps=(0.25, 0.1), offsets=(0.3, 0.7))
    prior("clip", sizes=(0.9, 0.4), ratios=(1, 2), clip=True)


def geometry(case):
    for form in ("corner", "center"):
        case(f"box_iou_{form}", lambda rng, form=form: (
            S.contrib.box_iou(S.var("a", shape=(2, 4, 4)), S.var("b", shape=(3, 4)), format=form),
            {"a": boxes(rng, 2, 4), "b": boxes(rng, 3)}))
        for clip in (-1.0, 0.5):
            case(f"box_decode_{form}_{clip}", lambda rng, form=form, clip=clip: (
                S.contrib.box_decode(S.var("m", shape=(2, 6, 4)), S.var("a", shape=(1, 6, 4)), 0.1, 0.2,
                                     0.3, 0.4, clip=clip, format=form),
                {"m": f(rng, 2, 6, 4) * 2, "a": boxes(rng, 1, 6)}))
    regions = np.array([[0, 1, 2, 9, 12], [1, 3.5, 0, 15, 6], [0, 4, 4, 5, 9], [1, 20, 20, 30, 30],
                        [0, 9, 9, 2, 2], [-1, 0, 0, 9, 9], [0, -5, -5, 40, 40]], "f4")
    for name, scale in {"half": 0.5, "whole": 1.0}.items():
        case(f"roi_pooling_{name}", lambda rng, scale=scale: (
            S.ROIPooling(S.var("x", shape=(2, 3, 8, 9)), S.var("b", shape=regions.shape),
                         pooled_size=(3, 2), spatial_scale=scale), {"x": f(rng, 2, 3, 8, 9), "b": regions}))

    def nowhere(rng):
        """Regions of no image. On a CPU the framework writes nothing for them, and one 0 into another
        region; asked is what was meant, for regions that are somewhere."""
        given = {"x": f(rng, 2, 3, 8, 9), "b": np.array(
            [[1, 1, 2, 9, 12], [-1, -1, -1, -1, -1], [0, 3.5, 0, 15, 6], [-1, 4, 4, 5, 9]], "f4")}
        x, b = (S.var(key, shape=a.shape) for key, a in given.items())

        def pooled(regions):
            return S.contrib.ROIAlign(x, regions, pooled_size=(2, 3), spatial_scale=0.5, sample_ratio=2)

        is_somewhere = S.reshape(S.slice_axis(b, axis=1, begin=0, end=1), shape=(-1,)) >= 0
        made = pooled(S.abs(b))
        return pooled(b), given, {}, S.where(is_somewhere, made, S.zeros_like(made))

    case("roi_align_nowhere", nowhere)
    case("index_copy", lambda rng: (
        S.contrib.index_copy(S.var("x", shape=(5, 3)), S.var("i", shape=(2,)), S.var("y", shape=(2, 3))),
        {"x": f(rng, 5, 3), "i": np.array([3, 1], "f4"), "y": f(rng, 2, 3)}))


def deformed(case):
    def convolution(name, masked, parts=1, **settings):
        def make(rng):
            x, taps = f(rng, 2, 4, 7, 8), 9
            high, wide = settings.pop("made", (5, 6))
            given = {"x": x, "o": f(rng, 2, 2 * taps * parts, high, wide) * 2}
            if masked:
                given["m"] = rng.uniform(0, 1, (2, taps * parts, high, wide)).astype("f4")
            variables = [S.var(key, shape=a.shape) for key, a in given.items()]
            operator = S.contrib.ModulatedDeformableConvolution if masked else S.contrib.DeformableConvolution
            return operator(*variables, kernel=(3, 3), num_filter=4, num_deformable_group=parts,
                            **settings), given

        case(f"deformable_{name}", make)

    convolution("plain", False)
    convolution("groups", False, parts=2, num_group=2, no_bias=True)
    convolution("stride", False, stride=(2, 1), pad=(1, 1), made=(4, 8))
    convolution("masked", True)
    convolution("masked_dilated", True, parts=2, dilate=(2, 2), pad=(2, 2), made=(7, 8))


def nets(case):
    def single_shot(rng):
        """A net of two scales whose anchors follow from the sizes of its values."""
        x, classes = S.var("data"), 3
        first = S.Activation(S.Convolution(x, kernel=(3, 3), stride=(2, 2), num_filter=6), act_type="relu")
        second = S.Activation(S.Convolution(first, kernel=(3, 3), stride=(2, 2), num_filter=8),
                              act_type="relu")
        kinds, moves, anchors = [], [], []
        for value, size in ((first, 0.3), (second, 0.6)):
            for made, count in ((kinds, 3 * (classes + 1)), (moves, 3 * 4)):
                part = S.Convolution(value, kernel=(3, 3), pad=(1, 1), num_filter=count)
                made.append(S.Flatten(S.transpose(part, axes=(0, 2, 3, 1))))
            anchors.append(S.contrib.MultiBoxPrior(value, sizes=(size, size + 0.1), ratios=(1, 2)))
        kinds = S.reshape(S.Concat(*kinds, dim=1), shape=(0, -1, classes + 1))
        # Probabilities near 1 would be too close to have an order.
        kinds = S.softmax(S.transpose(kinds, axes=(0, 2, 1)) * 0.1, axis=1)
        found = S.contrib.MultiBoxDetection(kinds, S.Concat(*moves, dim=1), S.Concat(*anchors, dim=1),
                                            nms_topk=30)
        return found, {"data": f(rng, 2, 3, 21, 25)}

    def scales(rng):
        """A net of many scales whose anchors are parameters, cut to the sizes of its values."""
        value, classes, given = S.var("data"), 2, {}
        kinds, moves, anchors = [], [], []
        for at in range(7):
            value = S.Convolution(value, kernel=(3, 3), pad=(1, 1), stride=(2, 2), num_filter=2)
            value = S.Activation(value, act_type="relu")
            for made, count in ((kinds, 2 * (classes + 1)), (moves, 2 * 4)):
                part = S.Convolution(value, kernel=(1, 1), num_filter=count)
                made.append(S.Flatten(S.transpose(part, axes=(0, 2, 3, 1))))
            side = max(20 >> at, 4)
            # A center and a size for each of two boxes.
            place = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).astype("f4")
            place = np.stack([place * 2.0 ** (at + 1)] * 2, 2)
            size = np.broadcast_to([[[[12.0, 12.0], [8.0, 16.0]]]], place.shape)
            given[f"anchors{at}"] = np.concatenate([place, size], -1).reshape(1, 1, side, side, 8)
            own = S.slice_like(S.var(f"anchors{at}"), value * 0, axes=(2, 3))
            anchors.append(S.reshape(S.reshape(own, shape=(1, -1, 4)), shape=(1, -1)))
        kinds = S.softmax(S.reshape(S.Concat(*kinds, dim=1), shape=(0, -1, classes + 1)) * 0.1, axis=-1)
        moves = S.reshape(S.Concat(*moves, dim=1), shape=(0, -1, 4))
        anchors = S.reshape(S.Concat(*anchors, dim=1), shape=(1, -1, 4))
        found = S.contrib.box_decode(moves, anchors, 0.1, 0.1, 0.2, 0.2, format="center")
        rows = [S.slice_axis(kinds, axis=-1, begin=at, end=at + 1) for at in (1, 2)]
        rows = S.Concat(*[S.Concat(score * 0 + at, score, found, dim=-1) for at, score in enumerate(rows)],
                        dim=1)
        made = S.contrib.box_nms(rows, overlap_thresh=0.45, topk=20, valid_thresh=0.01, id_index=0)
        return S.slice_axis(made, axis=1, begin=0, end=10), {"data": f(rng, 1, 2, 40, 32)}, given

    def regions(rng):
        """Proposals, and what lies in them."""
        x, info = S.var("data"), S.var("im_info")
        value = S.Activation(S.Convolution(x, kernel=(3, 3), stride=(4, 4), num_filter=6), act_type="relu")
        kinds = S.Convolution(value, kernel=(1, 1), num_filter=2 * 4)
        kinds = S.reshape(S.softmax(S.reshape(kinds, shape=(0, 2, -1, 0)), axis=1), shape=(0, 8, -1, 0))
        moves = S.Convolution(value, kernel=(1, 1), num_filter=4 * 4)
        found = S.contrib.Proposal(kinds, moves, info, feature_stride=4, scales=(2, 4), ratios=(0.5, 2),
                                   rpn_post_nms_top_n=8, rpn_min_size=4)
        pooled = S.ROIPooling(value, found, pooled_size=(3, 3), spatial_scale=0.25)
        made = S.softmax(S.FullyConnected(S.Flatten(pooled), num_hidden=3))
        return S.Group([found, made]), {"data": f(rng, 1, 3, 32, 40), "im_info": np.array([[32, 40, 1]], "f4")}

    case("net_single_shot", single_shot)
    case("net_scales", scales)
    case("net_regions", regions)


def cases():
    made = []
    for family in (suppressions, detections, proposals, anchors, geometry, deformed, nets):
        family(lambda name, make: made.append((name, make)))
    return made
